package ws

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"
)

// TestLastWordsAreAnsweredByALoop has a client that closes while the body of a Messages loop works on what it said.
func TestLastWordsAreAnsweredByALoop(t *testing.T) {
	srv := NewServer(Options{})
	defer srv.Shutdown(context.Background())
	answered, ended := make(chan error, 1), make(chan CloseInfo, 1)
	said := make(chan struct{})
	router := NewRouter(srv)
	router.Handle("/", func(c *Conn) {
		c.OnClose(func(why CloseInfo) { ended <- why })
		for m := range c.Messages(c.Context()) {
			close(said)
			for deadline := time.Now().Add(20 * time.Second); !c.hasHeardClose() && time.Now().Before(deadline); {
				<-time.After(time.Millisecond)
			}
			answered <- c.Send(m)
		}
	})
	server := httptest.NewServer(router)
	defer server.Close()

	far, err := Dial(t.Context(), server.URL, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	far.Send(Text("last words"))
	<-said
	far.Close(4001, "bye")
	if err := <-answered; err != nil {
		t.Errorf("the answer: %v", err)
	}
	if why := <-ended; why.Code != 4001 || why.Err != nil {
		t.Errorf("the server was told %v", why)
	}
}

// hasHeardClose says that the peer's close frame has come.
func (c *Conn) hasHeardClose() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.State() != Open || len(c.events.queue) > 0 && c.events.queue[0].kind == eventBye
}
