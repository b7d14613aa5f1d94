package redis

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/hubbub-dev/hubbub"
)

// buckets is how many hash tags users, and rooms with somebody in them, are spread over.
const buckets = 256

// bucketOf spreads names over the buckets.
func bucketOf(name string) int { return int(sha256.Sum256([]byte(name))[0]) }

// bucketOfTransition is the bucket of the user whom a transition is about, by the beginning of its id. It is false for what is no id.
func bucketOfTransition(id string) (int, bool) {
	var b [3]byte
	if len(id) < 4 {
		return 0, false
	}
	if _, err := base64.RawURLEncoding.Decode(b[:], []byte(id[:4])); err != nil {
		return 0, false
	}
	return int(b[0]), true
}

// tags make the parts of keys in braces, by which Redis finds the slot.
func userTag(bucket int) string { return "{u" + strconv.Itoa(bucket) + "}" }
func roomTag(bucket int) string { return "{r" + strconv.Itoa(bucket) + "}" }

func streamTag(s hubbub.Stream) string {
	if s.Room != "" {
		return "{room:" + s.Room + "}"
	}
	return "{pair:" + s.Pair[0] + " " + s.Pair[1] + "}" // no space is in a name
}

const nodesTag = "{nodes}"

// channel is the sharded channel of a topic. It is also in the slot of what is written in the step that publishes there.
func (d *Driver) channel(t hubbub.Topic) string {
	p := d.options.Prefix
	switch {
	case t.Kind == hubbub.TopicRoom:
		return p + streamTag(hubbub.RoomStream(t.Name))
	case t.Kind == hubbub.TopicUser:
		return p + userTag(bucketOf(t.Name)) + "user:" + t.Name
	case t.Kind == hubbub.TopicPresence && t.Name == "":
		return p + nodesTag + "presence"
	case t.Kind == hubbub.TopicPresence:
		return p + userTag(bucketOf(t.Name)) + "presence:" + t.Name
	}
	return p + nodesTag + "all"
}
