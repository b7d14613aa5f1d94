// Command products is the shop's service for goods: what is on the shelf, how many there are, and what they cost. It has never heard of
// WebSockets; when something changes it tells the gateway by one HTTP call.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strconv"

	"github.com/hubbub-dev/hubbub/examples/shop/internal/gateway"
)

type service struct {
	stock  *stock
	api    gateway.API
	secret string // by which the gateway signs who asks
}

func main() {
	addr := flag.String("addr", "localhost:8092", "address to listen on")
	api := flag.String("api", "http://localhost:8091/api/v1", "the gateway's HTTP API")
	flag.Parse()
	log.SetFlags(0)
	s := service{
		stock:  newStock(),
		api:    gateway.API{URL: *api, Key: gateway.Setting("SHOP_API_KEY", "shop-demonstration-key-of-products")},
		secret: gateway.Setting("SHOP_IDENTITY_SECRET", "shop-demonstration-identity-of-products-1"),
	}
	gateway.Serve("products", *addr, s.routes())
}

func (s service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", s.list)
	mux.HandleFunc("GET /products/{id}", s.detail)
	mux.HandleFunc("POST /products/{id}/orders", s.order)
	mux.HandleFunc("GET /storeroom", s.staffOnly(s.storeroom))
	mux.HandleFunc("POST /products/{id}/listing", s.staffOnly(s.shelve))
	mux.HandleFunc("POST /hooks/staff", s.mayJoinStaff)
	return mux
}

func (s service) list(w http.ResponseWriter, _ *http.Request) {
	gateway.Reply(w, http.StatusOK, map[string]any{"products": s.stock.shelf()})
}

func (s service) storeroom(w http.ResponseWriter, _ *http.Request) {
	gateway.Reply(w, http.StatusOK, map[string]any{"products": s.stock.storeroom()})
}

func (s service) detail(w http.ResponseWriter, r *http.Request) {
	p, ok := s.stock.get(r.PathValue("id"))
	if !ok || p.Listed == 0 {
		gateway.Refuse(w, http.StatusNotFound, "there is no such product on the shelf")
		return
	}
	gateway.Reply(w, http.StatusOK, p)
}

// shelve puts a product on the shelf, and says so once: the card on every page and the red dots of those who follow the category
// are the gateway's work, see events in hubbub.yaml.
func (s service) shelve(w http.ResponseWriter, r *http.Request) {
	p, fresh, ok := s.stock.list(r.PathValue("id"))
	if !ok {
		gateway.Refuse(w, http.StatusNotFound, "there is no such product")
		return
	}
	if fresh {
		s.api.Event(r.Context(), "product.listed", "listed-"+p.ID, map[string]any{"product": p})
	}
	gateway.Reply(w, http.StatusOK, p)
}

// order sells one piece.
func (s service) order(w http.ResponseWriter, r *http.Request) {
	if _, err := gateway.Who(r, "products", s.secret); err != nil {
		gateway.Refuse(w, http.StatusUnauthorized, "sign in to buy")
		return
	}
	p, sold := s.stock.sell(r.PathValue("id"))
	if sold {
		s.api.Event(r.Context(), "product.sold", "sold-"+p.ID+"-"+strconv.Itoa(p.Stock), map[string]any{"product": p})
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"sold": sold, "product": p})
}

// mayJoinStaff answers the gateway's question, see hooks in hubbub.yaml.
func (s service) mayJoinStaff(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Attrs struct {
			Role string `json:"role"`
		} `json:"attrs"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&question); err != nil {
		gateway.Refuse(w, http.StatusBadRequest, "the question is not JSON")
		return
	}
	answer := map[string]any{"allow": question.Attrs.Role == "staff"}
	if answer["allow"] == false {
		answer["message"] = "this room is for the staff"
	}
	gateway.Reply(w, http.StatusOK, answer)
}

func (s service) staffOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if who, err := gateway.Who(r, "products", s.secret); err != nil || !who.Staff {
			gateway.Refuse(w, http.StatusForbidden, "this is for the staff")
			return
		}
		next(w, r)
	}
}
