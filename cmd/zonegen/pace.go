package main

import (
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// recheck is how often what was published is looked at although nothing has
// changed, in case somebody else touched it.
const recheck = 30 * time.Second

// pace says when a publisher publishes next. The zero value publishes each change
// at once.
type pace struct {
	interval time.Duration // the least time from a publication to that of a later change
	last     time.Time     // when something was written, or could not be
	pause    time.Duration // from the last attempt to the next without a change
	attempt  time.Time
	backoff  wait.Backoff // nothing if the last attempt was no failure
}

// after notes an attempt to publish. After a failure, the pause is short, and
// longer with each one that follows.
func (p *pace) after(now time.Time, written, failed bool) {
	p.attempt = now
	if written || failed {
		p.last = now
	}
	if !failed {
		p.pause, p.backoff = recheck, wait.Backoff{}
		return
	}
	if p.backoff.Duration == 0 {
		p.backoff = wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Steps: 8, Cap: recheck}
	}
	p.pause = p.backoff.Step()
}

// by makes sure that there is another attempt no later than that.
func (p *pace) by(at time.Time) { p.pause = min(p.pause, at.Sub(p.attempt)) }

// due is when to publish next. The first change after quiet is due at once.
func (p *pace) due(changed bool) time.Time {
	due := p.attempt.Add(p.pause)
	if at := p.last.Add(p.interval); changed && at.Before(due) {
		return at
	}
	return due
}
