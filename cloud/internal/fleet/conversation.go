package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/crash"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// conversation is the cloud's side of the sync with one school, in its present
// epoch. One goroutine sends; messages are handled where they arrive.
type conversation struct {
	school string
	epoch  int64
	peer   *syncer.Peer
	wake   chan struct{}
	cancel context.CancelFunc

	mu      sync.Mutex
	carrier string              // by which the school was last heard
	rest    []syncproto.Message // of what did not fit into the last answer by https
}

func (c *conversation) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conversation) heardBy(carrier string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carrier, c.rest = carrier, nil
}

// answer is what goes down in one answer by https: what the last one had no room
// for, else what is due.
func (c *conversation) answer(ctx context.Context) ([]syncproto.Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rest) == 0 {
		var err error
		if c.rest, err = c.peer.Outgoing(ctx, syncproto.MaxFrame); err != nil {
			return nil, err
		}
	}
	var now []syncproto.Message
	now, c.rest = httpcarrier.Cut(c.rest)
	return now, nil
}

func (c *conversation) via() string { c.mu.Lock(); defer c.mu.Unlock(); return c.carrier }

// Start implements service.Service.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { s.sweep(s.ctx) })
	return nil
}

// sweepEvery is how soon a record that another process saved (uhs-cloud publish)
// is noticed.
const sweepEvery = 3 * time.Second

// sweep wakes the conversations whose log has more than the school has applied.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	backup := s.o.Clock.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if backup, err = s.tellBacked(ctx, backup); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("look for a verified backup", logging.Err(err))
		}
		var schools []string
		err = s.o.DB.View(ctx, func(tx db.Tx) (err error) {
			rows, err := tx.Query(ctx, listWaiting, syncer.DownEpoch)
			schools, err = db.Collect(rows, err, db.Scalar[string])
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("look for records to send", logging.Err(err))
		}
		for _, school := range schools {
			s.Wake(school)
		}
	}
}

// Stop implements service.Service.
func (s *Service) Stop(context.Context) error {
	s.mu.Lock()
	if s.cancel != nil {
		s.cancel()
	}
	s.talks = map[string]*conversation{}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Wake lets the conversation with a school look for something to send; it is
// what the downlink journal calls after a commit.
func (s *Service) Wake(school string) {
	s.mu.Lock()
	c := s.talks[school]
	s.mu.Unlock()
	if c != nil {
		c.poke()
	}
}

// Spare lets only control and money go down to a school while it is on: its line
// may carry nothing else now.
func (s *Service) Spare(school string, on bool) {
	s.mu.Lock()
	c := s.talks[school]
	s.mu.Unlock()
	if c != nil {
		c.peer.Spare(on)
	}
}

// talk is the conversation with a school in its present epoch; nil when the
// school has no appliance.
func (s *Service) talk(ctx context.Context, school string) (*conversation, error) {
	var present epochRow
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, presentEpoch, school)
		present, err = db.One(rows, err, scanEpoch)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil //nolint:nilnil // a school without an appliance is nothing unusual
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.talks[school]; c != nil && c.epoch >= present.epoch { // newer than what was read before the lock
		return c, nil
	} else if c != nil {
		c.cancel()
	}
	if s.ctx == nil || s.ctx.Err() != nil {
		return nil, errors.New("the fleet is stopped")
	}
	c := s.begin(school, present.epoch) //nolint:contextcheck // a conversation lives as long as the service, not as the call
	s.talks[school] = c
	return c, nil
}

func (s *Service) begin(school string, epoch int64) *conversation {
	ctx, cancel := context.WithCancel(s.ctx)
	c := &conversation{school: school, epoch: epoch, wake: make(chan struct{}, 1), cancel: cancel}
	c.peer = syncer.NewPeer(syncer.PeerOptions{
		DB: s.o.DB, Outbox: s.o.Outbox, Applier: s.o.Applier, Clock: s.o.Clock, Log: s.o.Log,
		Out: syncer.Log{School: school, Epoch: syncer.DownEpoch}, In: syncer.Log{School: school, Epoch: epoch},
		Epoch: epoch, Software: s.o.Software, Timeline: s.o.Timeline, Carrier: c.via, Offer: s.offer(school),
		Backed: backed(school, epoch), Heard: func(h syncproto.Hello) { s.noteResent(ctx, school, h) },
		Progress: func(applied syncproto.Marks) { s.o.Mirrors.PurgeDown(ctx, school, epoch, applied) },
	})
	s.wg.Go(func() { s.send(ctx, c) })
	return c
}

// end forgets the conversation of a school, whose epoch has changed.
func (s *Service) end(school string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.talks[school]; c != nil {
		c.cancel()
		delete(s.talks, school)
	}
}

// recheck is how often a conversation with something under way looks whether
// it must be sent again.
const recheck = 3 * time.Second

// send is the sending goroutine of one conversation. It sleeps while there is
// nothing to say.
func (s *Service) send(ctx context.Context, c *conversation) {
	for {
		timer := time.NewTimer(recheck)
		if !c.peer.Busy() {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
		if err := s.flush(ctx, c); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("send to a school", logging.School(c.school), logging.Err(err))
		}
	}
}

func (s *Service) flush(ctx context.Context, c *conversation) error {
	if c.via() != mirror || !s.o.Mirrors.Connected(c.school) {
		return nil // nobody listens; the rows wait in their log
	}
	for ctx.Err() == nil {
		msgs, err := c.peer.Outgoing(ctx, syncproto.MaxFrame)
		if err != nil || len(msgs) == 0 {
			return err
		}
		if err := s.o.Mirrors.Send(ctx, c.school, c.epoch, msgs); err != nil {
			c.peer.Unsent()
			return err
		}
		crash.Here(crash.FrameSent)
	}
	return nil
}

const mirror = "mirror"

// Mirrored takes a message that came through the school's account at the hub.
func (s *Service) Mirrored(ctx context.Context, school string, epoch int64, m syncproto.Message) error {
	c, err := s.talk(ctx, school)
	if err != nil || c == nil {
		return err
	}
	if c.epoch != epoch {
		return s.late(ctx, school, epoch, m)
	}
	if c.via() != mirror {
		c.peer.Spare(false) // a line that holds the mirror may carry everything
		c.peer.Takeover()
		c.heardBy(mirror)
	}
	err = s.handle(ctx, c.peer, m)
	c.poke()
	if errors.Is(err, syncer.ErrRefused) {
		return nil // logged; it would be refused again
	}
	return err
}

// late takes a frame of a sealed epoch: valid ones still count, since a stick or
// a slow mirror may bring them after a renewal.
func (s *Service) late(ctx context.Context, school string, epoch int64, m syncproto.Message) error {
	if m.Kind != syncproto.KindFrame {
		return nil
	}
	f, err := syncproto.DecodeFrame(m.Data)
	if err != nil {
		s.o.Log.Warn("a late frame was refused", logging.School(school), logging.Err(err))
		return nil
	}
	known := int64(0)
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, knownEpoch, school, epoch)
		known, err = db.One(rows, err, db.Scalar[int64])
		return err
	}); err != nil || known == 0 {
		return err
	}
	_, err = s.o.Applier.Apply(ctx, syncer.Log{School: school, Epoch: epoch}, f)
	if errors.Is(err, syncer.ErrFork) || errors.Is(err, syncer.ErrGap) || errors.Is(err, syncer.ErrForeign) || errors.Is(err, syncer.ErrPaused) {
		s.o.Log.Warn("a late frame does not fit", logging.School(school), slog.Int64("epoch", epoch), logging.Err(err))
		return nil
	}
	return err
}

// ErrOldEpoch answers a box that speaks in an epoch that is over.
var ErrOldEpoch = ErrEpochMoved

// Exchange is the HTTPS carrier's other end: it handles what came up and gives
// what should go down in the same answer.
func (s *Service) Exchange(ctx context.Context, box Appliance, epoch int64, in []syncproto.Message) ([]syncproto.Message, error) {
	c, err := s.talk(ctx, box.School)
	if err != nil {
		return nil, err
	}
	if c == nil || c.epoch != epoch || box.Status != active {
		return s.aside(ctx, box, epoch, in)
	}
	if len(in) > 0 && c.via() != "https" { // an empty request is only a probe
		c.peer.Takeover()
		c.heardBy("https")
	}
	for _, m := range in {
		if err := s.handle(ctx, c.peer, m); err != nil && !errors.Is(err, syncer.ErrRefused) {
			return nil, fmt.Errorf("exchange: %w", err)
		}
	}
	if c.via() != "https" {
		return nil, nil
	}
	return c.answer(ctx)
}
