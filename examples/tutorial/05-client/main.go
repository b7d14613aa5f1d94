// Command 05-client sends each line that you type and prints each message that comes.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/hubbub-dev/hubbub/ws"
)

func main() {
	url := flag.String("url", "ws://localhost:8080/echo", "where to connect")
	flag.Parse()

	c, err := ws.Dial(context.Background(), *url, ws.DialOptions{})
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
		log.Fatalf("the server said %d: %s", refused.Status, refused.Body)
	}
	if err != nil {
		log.Fatal(err)
	}
	c.OnMessage(func(m ws.Message) { fmt.Println(m) })
	closed := make(chan struct{})
	c.OnClose(func(why ws.CloseInfo) {
		fmt.Println("closed:", why.Code, why.Reason)
		close(closed)
	})

	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := c.Send(ws.Text(lines.Text())); err != nil {
			log.Fatal(err)
		}
	}
	c.Close(ws.CodeNormal, "bye") // the closing handshake takes a moment, so wait for its end
	<-closed
}
