//go:build !unix

package backend

import "net"

// socket is what other systems cannot be asked.
type socket struct{}

func socketOf(net.Conn) *socket { return nil }

func (*socket) quiet() bool { return true }

func (*socket) ask([]byte, []byte) (int, error) { panic("backend: there is no socket") }
