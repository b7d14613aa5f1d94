package redis

import (
	"context"
	"time"
)

var timeScript = newScript("time")

// now is the present for all that is judged by time: that of Options.Now, or of the server that has the leases, as far as it is known.
func (d *Driver) now() time.Time {
	if d.options.Now != nil {
		return d.options.Now()
	}
	return time.Now().Add(time.Duration(d.offset.Load()))
}

// setOffset says what the server's time was at a moment between asked and answered, of this machine.
func (d *Driver) setOffset(server, asked, answered time.Time) {
	d.offset.Store(int64(server.Sub(asked.Add(answered.Sub(asked) / 2))))
}

// learnTime asks the server that has the leases for its time.
func (d *Driver) learnTime(ctx context.Context) error {
	asked := time.Now()
	us, err := d.exec(ctx, timeScript, []string{d.options.Prefix + nodesTag}).AsInt64()
	if err != nil {
		return err
	}
	d.setOffset(time.UnixMicro(us), asked, time.Now())
	return nil
}
