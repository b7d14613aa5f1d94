package memory

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// Post implements [hubbub.Poster]. The stream is locked until the subscribers have returned.
func (d *Driver) Post(_ context.Context, draft hubbub.Draft) (hubbub.Appended, error) {
	s, err := d.toAppend(&draft)
	if err != nil {
		return hubbub.Appended{}, err
	}
	defer s.mu.Unlock()
	a, err := d.append(s, &draft)
	if err != nil {
		return a, err
	}
	e := hubbub.Posted{Message: a.Message, Previous: a.Previous}
	if s.name.Room != "" {
		d.publish(hubbub.Topic{Kind: hubbub.TopicRoom, Name: s.name.Room}, e)
		return a, nil
	}
	for _, user := range s.users() {
		d.publish(hubbub.Topic{Kind: hubbub.TopicUser, Name: user}, e)
	}
	return a, nil
}
