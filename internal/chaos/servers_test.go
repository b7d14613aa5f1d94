package chaos_test

import (
	"os"
	"path/filepath"
	"testing"
)

// onOneFile is one gateway on a file.
func onOneFile(t *testing.T) *servers {
	return &servers{name: "one", gateways: 1, settle: func(n *node) { n.set("presence: {grace: 1s}\n") }}
}

// set adds lines to the settings of a gateway.
func (n *node) set(lines string) {
	n.t.Helper()
	f, err := os.OpenFile(filepath.Join(n.dir, "hubbub.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines)
		f.Close()
	}
	if err != nil {
		n.t.Fatal(err)
	}
}
