package hook

import (
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Decode reads an answer as every rule would.
func Decode(body []byte, known *hubbub.Identity) (allow bool, refusal error, data json.RawMessage, who hubbub.Identity, err error) {
	a, err := parse(body)
	if err != nil {
		return false, nil, nil, who, err
	}
	if !a.allow {
		return false, a.refusal(OnConnect), nil, who, nil
	}
	if err := a.read("data", &data); err != nil {
		return true, nil, nil, who, err
	}
	who, err = a.identify(known, time.Now())
	return true, nil, data, who, err
}
