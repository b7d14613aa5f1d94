// Command notifications is the shop's service for what people want to hear of: who follows which category, what we recommend, and who came
// and went, which the gateway tells it by webhooks.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"slices"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hubbub-dev/hubbub/examples/shop/internal/gateway"
)

type service struct {
	follows  follows
	visits   *visits
	api      gateway.API
	secret   string // by which the gateway signs who asks
	webhooks *standardwebhooks.Webhook
}

func main() {
	addr := flag.String("addr", "localhost:8093", "address to listen on")
	api := flag.String("api", "http://localhost:8091/api/v1", "the gateway's HTTP API")
	flag.Parse()
	log.SetFlags(0)
	webhooks, err := standardwebhooks.NewWebhook(
		gateway.Setting("SHOP_WEBHOOK_SECRET", "whsec_c2hvcC1kZW1vbnN0cmF0aW9uLXdlYmhvb2s="))
	if err != nil {
		log.Fatalf("SHOP_WEBHOOK_SECRET: %v", err)
	}
	hub := gateway.API{URL: *api, Key: gateway.Setting("SHOP_API_KEY", "shop-demonstration-key-of-notifications")}
	s := service{
		follows:  follows{api: hub},
		visits:   &visits{},
		api:      hub,
		secret:   gateway.Setting("SHOP_IDENTITY_SECRET", "shop-demonstration-identity-of-notifications"),
		webhooks: webhooks,
	}
	gateway.Serve("notifications", *addr, s.routes())
}

func (s service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /for-you", s.forYou)
	mux.HandleFunc("GET /picks", s.picks)
	mux.HandleFunc("POST /follows", s.follow)
	mux.HandleFunc("GET /visits", s.listVisits)
	mux.HandleFunc("POST /webhooks", s.receive)
	return mux
}

// forYou is what the asker follows, and what we recommend for that.
func (s service) forYou(w http.ResponseWriter, r *http.Request) {
	who, err := gateway.Who(r, "notifications", s.secret)
	if err != nil {
		gateway.Refuse(w, http.StatusUnauthorized, "sign in first")
		return
	}
	categories, err := s.follows.of(r.Context(), who.User)
	if err != nil {
		log.Printf("for you: %v", err)
		gateway.Refuse(w, http.StatusBadGateway, "we cannot see what you follow")
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"follows": categories, "picks": recommend(categories, "")})
}

// picks is what goes well with a product.
func (s service) picks(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	gateway.Reply(w, http.StatusOK, map[string]any{"picks": recommend([]string{q.Get("category")}, q.Get("except"))})
}

func (s service) follow(w http.ResponseWriter, r *http.Request) {
	who, err := gateway.Who(r, "notifications", s.secret)
	if err != nil {
		gateway.Refuse(w, http.StatusUnauthorized, "sign in first")
		return
	}
	var wish struct {
		Category string `json:"category"`
		Follow   bool   `json:"follow"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<12)).Decode(&wish); err != nil ||
		!slices.Contains(categories(), wish.Category) {
		gateway.Refuse(w, http.StatusUnprocessableEntity, "there is no such category")
		return
	}
	if err := s.follows.set(r.Context(), who.User, wish.Category, wish.Follow); err != nil {
		log.Printf("follow: %v", err)
		gateway.Refuse(w, http.StatusBadGateway, "that could not be kept")
		return
	}
	now, err := s.follows.of(r.Context(), who.User)
	if err != nil {
		log.Printf("follow: %v", err)
		gateway.Refuse(w, http.StatusBadGateway, "we cannot see what you follow")
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"follows": now})
}
