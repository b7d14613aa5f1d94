package redis

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// publishAll publishes what is to be published yet to the room, or to both of the pair, in its order.
func (d *Driver) publishAll(ctx context.Context, groups []*group) {
	var cmds rueidis.Commands
	var of []*group // by command
	for _, g := range groups {
		for _, e := range g.events {
			b, err := encodeEvent(e)
			if err != nil {
				g.unheard = fmt.Errorf("publish: %w", err)
				break
			}
			for _, t := range topicsOf(g.stream) {
				cmds = append(cmds, d.b().Spublish().Channel(d.channel(t)).Message(rueidis.BinaryString(b)).Build())
				of = append(of, g)
			}
		}
	}
	if len(cmds) == 0 {
		return
	}
	for i, r := range d.doMulti(ctx, cmds...) {
		if err := r.Error(); err != nil && of[i].unheard == nil {
			of[i].unheard = unavailable(err, "publish to "+of[i].stream.String())
		}
	}
}

// topicsOf are those on which the messages of a stream are published.
func topicsOf(s hubbub.Stream) (topics []hubbub.Topic) {
	if s.Room != "" {
		return []hubbub.Topic{{Kind: hubbub.TopicRoom, Name: s.Room}}
	}
	for _, user := range pairUsers(s) {
		topics = append(topics, hubbub.Topic{Kind: hubbub.TopicUser, Name: user})
	}
	return topics
}

// pairUsers are the users of a pair, each once; none of a room.
func pairUsers(s hubbub.Stream) []string {
	switch {
	case s.Room != "":
		return nil
	case s.Pair[0] == s.Pair[1]:
		return s.Pair[:1]
	}
	return s.Pair[:]
}
