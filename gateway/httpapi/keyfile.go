package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// LoadKeys reads a file of keys. Each line is that of one key as [Key.Line] writes it; empty lines and those that begin with # are
// passed over. A file that is quite empty is an error, since that is what an editor leaves for a moment: a comment says that no keys are meant.
func LoadKeys(path string) ([]Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := parseKeyList(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list.keys, nil
}

// Line is the key's line in a file of keys: its name, hash, and scopes with commas between.
func (k Key) Line() string {
	scopes := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = string(s)
	}
	return k.Name + " " + k.Hash + " " + strings.Join(scopes, ",")
}

func parseKeyList(b []byte) (*keyList, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("the file of API keys is empty; if no keys are meant, write a line that begins with #")
	}
	var keys []Key
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("line %d has %d words: write NAME HASH SCOPE,… as `hubbub apikey --file` does", n, len(words))
		}
		k := Key{Name: words[0], Hash: words[1]}
		for s := range strings.SplitSeq(words[2], ",") {
			k.Scopes = append(k.Scopes, Scope(s))
		}
		if _, err := k.sum(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	return newKeyList(keys)
}
