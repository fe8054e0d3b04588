// Package httpcarrier moves sync messages by signed HTTPS requests: the carrier
// for lines where the mirror does not get through. A request brings messages
// up, its answer brings messages down.
package httpcarrier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// Path is where the cloud takes messages; the query names the epoch.
const Path = "/sync/v1/messages"

// UrgentQuery in the query, set to 1, asks for control and money alone.
const UrgentQuery = "urgent"

// ContentType of a batch. Anything else, such as the page of a captive portal,
// is not an answer.
const ContentType = "application/vnd.uhs.sync+cbor"

// maxBatch is the most an answer or a request may hold. Senders stay well below
// it: a window that has grown on a fast line goes in several batches.
const (
	maxBatch    = 6 << 20
	fullBatch   = 4 << 20
	maxMessages = 1024
)

type wireMessage struct {
	Kind syncproto.Kind `cbor:"1,keyasint"`
	Lane syncproto.Lane `cbor:"2,keyasint,omitempty"`
	Data []byte         `cbor:"3,keyasint"`
}

// EncodeBatch writes messages as one body.
func EncodeBatch(msgs []syncproto.Message) ([]byte, error) {
	out := make([]wireMessage, len(msgs))
	for i, m := range msgs {
		out[i] = wireMessage(m)
	}
	return cbor.Marshal(out)
}

// Cut splits messages into what fits into one batch and the rest. The first part
// holds at least one message, if there is any.
func Cut(msgs []syncproto.Message) (first, rest []syncproto.Message) {
	size := 0
	for i, m := range msgs {
		size += len(m.Data)
		if i > 0 && (size > fullBatch || i == maxMessages) {
			return msgs[:i], msgs[i:]
		}
	}
	return msgs, nil
}

// DecodeBatch reads a body; syncproto.ErrMalformed when it is not one.
func DecodeBatch(b []byte) ([]syncproto.Message, error) {
	mode, err := cbor.DecOptions{MaxArrayElements: 4 * maxMessages, MaxNestedLevels: 4, IndefLength: cbor.IndefLengthForbidden}.DecMode()
	if err != nil {
		return nil, err
	}
	var in []wireMessage
	if err := mode.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("%w: %w", syncproto.ErrMalformed, err)
	}
	out := make([]syncproto.Message, len(in))
	for i, m := range in {
		if m.Kind < syncproto.KindHello || m.Kind > syncproto.KindAck || m.Lane >= syncproto.Lanes {
			return nil, syncproto.ErrMalformed
		}
		out[i] = syncproto.Message(m)
	}
	return out, nil
}

// Options are the parts of a Carrier.
type Options struct {
	// BaseURL is the cloud's, without a slash at the end.
	BaseURL string
	Epoch   int64
	// Client signs its requests (see Signer).
	Client *http.Client
	Clock  clock.Clock
	Log    *slog.Logger
	// Active tells whether this carrier is the one in use: only then does it poll.
	Active func() bool
	// Refused is called with the code of the cloud's problem when it does not speak
	// with this box in this epoch; nil: nobody cares.
	Refused func(code string)
	// Way tells how the line may be used; nil: it is held open. While it is not,
	// the carrier neither polls nor probes by itself.
	Way func() talk.Way
}

// Times of the carrier.
const (
	pollEvery  = 10 * time.Second
	probeEvery = 15 * time.Second
	timeout    = 60 * time.Second
)

// Carrier is the appliance's side.
type Carrier struct {
	o       Options
	handler syncer.Handler
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu     sync.Mutex
	up     bool
	probed time.Time
}

// New makes a stopped carrier.
func New(o Options) *Carrier { return &Carrier{o: o} }

// Name implements syncer.Carrier.
func (c *Carrier) Name() string { return "https" }

// Start implements syncer.Carrier. It sends an empty request from time to time
// while it is in use, so that the cloud's messages come down.
func (c *Carrier) Start(ctx context.Context, h syncer.Handler, _ func()) error {
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.handler = h
	c.wg.Go(func() {
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if c.o.Active() && c.way() == talk.Open {
					if err := c.Send(ctx, nil); err != nil && ctx.Err() == nil {
						c.o.Log.Info("poll by https", logging.Err(err))
					}
				}
			}
		}
	})
	return nil
}

func (c *Carrier) way() talk.Way {
	if c.o.Way == nil {
		return talk.Open
	}
	return c.o.Way()
}

// Stop implements syncer.Carrier.
func (c *Carrier) Stop(context.Context) error {
	if c.cancel != nil {
		c.cancel()
		c.wg.Wait()
	}
	return nil
}

// Send implements syncer.Carrier: the answer's messages are handled before it
// returns.
func (c *Carrier) Send(ctx context.Context, msgs []syncproto.Message) error {
	for {
		now, later := Cut(msgs)
		if err := c.sendBatch(ctx, now); err != nil || len(later) == 0 {
			return err
		}
		msgs = later
	}
}

func (c *Carrier) sendBatch(ctx context.Context, msgs []syncproto.Message) error {
	answer, err := c.exchange(ctx, msgs)
	c.mu.Lock()
	c.up, c.probed = err == nil, c.o.Clock.Now()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range answer {
		errs = append(errs, c.handler(ctx, m))
	}
	return errors.Join(errs...)
}

func (c *Carrier) exchange(ctx context.Context, msgs []syncproto.Message) ([]syncproto.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := EncodeBatch(msgs)
	if err != nil {
		return nil, err
	}
	url := c.o.BaseURL + Path + "?epoch=" + strconv.FormatInt(c.o.Epoch, 10)
	if c.way() == talk.Sparing {
		url += "&" + UrgentQuery + "=1"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", ContentType)
	resp, err := c.o.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("https carrier: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBatch+1))
	if err != nil {
		return nil, fmt.Errorf("https carrier: %w", err)
	}
	if code := problemCode(resp, answer); code != "" && c.o.Refused != nil {
		c.o.Refused(code)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != ContentType || len(answer) > maxBatch {
		return nil, fmt.Errorf("https carrier: answer %d of type %q is not the cloud's", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return DecodeBatch(answer)
}

// problemCode is why the cloud refuses this box: "" when the answer is something
// else, such as the page of a captive portal.
func problemCode(resp *http.Response, answer []byte) string {
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusConflict {
		return ""
	}
	var p struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return ""
	}
	return p.Code
}

// Connected implements syncer.Carrier. When it has not spoken for a while it
// tries an empty exchange.
func (c *Carrier) Connected() bool {
	c.mu.Lock()
	fresh := c.o.Clock.Now().Sub(c.probed) < probeEvery && !c.probed.IsZero()
	up := c.up
	c.mu.Unlock()
	if fresh {
		return up
	}
	if c.way() != talk.Open {
		return true // as far as known: trying costs
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return c.Send(ctx, nil) == nil
}

// Rest implements syncer.Rester: it closes the connection.
func (c *Carrier) Rest() { c.o.Client.CloseIdleConnections() }

// Purge implements syncer.Carrier; nothing is kept here.
func (c *Carrier) Purge(context.Context, syncproto.Marks) {}
