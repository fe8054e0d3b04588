package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/limit"
)

// What is allowed in a minute.
const (
	AuthLimit    = 10
	TutorLimit   = 30
	PaymentLimit = 5
	GeneralLimit = 100
)

// Limits say how requests are counted. The zero value counts none.
type Limits struct {
	Clock clock.Clock
	// Factor multiplies every limit; 0 counts nothing. It is 1 but in tests and
	// measurements, where one program plays many people.
	Factor int
	// Crowd is how many people may share one address: 1 at the cloud, a full class
	// and its teachers at a school, where one access point has one address. An
	// address has the general limit that many times.
	Crowd int
	// Device is the cookie that names a browser; empty where none does. Who clears it
	// is a new device and falls under the limit of the address.
	Device string
}

// keysKept is how many people, devices and addresses are told apart in a minute.
const keysKept = 50_000

// class is a sort of request with its limit.
type class struct {
	name string
	most int
}

var (
	errTooMany = fault.New(fault.TooMany, "Too many requests. Wait a little, then try again.").WithCode("too_many_requests")

	authClass    = class{"auth", AuthLimit}
	tutorClass   = class{"tutor", TutorLimit}
	paymentClass = class{"payment", PaymentLimit}
	generalClass = class{"general", GeneralLimit}
)

// classOf says what a request is counted as; false for those that are not
// counted. Those are the machines' and the files':
//
//   - /sync, /packs: signed by a box, or in slots of their own (Slots); a thousand
//     boxes that come back after a cut are the normal case, and the fleet has turns;
//   - /hk, payments/mpesa/callback: a gateway's reports come in bursts from few addresses, and a refused one
//     is money that is found later; the address is a secret of 160 bits;
//   - carry/uploads: slices of one large file, bounded by the desk (number, size,
//     and room on the disk);
//   - pages, /media, /health, /metrics: read from memory or by name of content.
func classOf(method, path string) (class, bool) {
	rest, ok := strings.CutPrefix(path, "/api/v1/")
	if !ok || strings.HasPrefix(rest, "carry/uploads") || rest == "payments/mpesa/callback" {
		return class{}, false
	}
	changing := changes(method)
	switch {
	case changing && strings.HasPrefix(rest, "auth/") && rest != "auth/logout", changing && rest == "home/return": // a sign-in of the parent's
		return authClass, true
	case changing && (strings.HasPrefix(rest, "ai-tutor/") || strings.HasPrefix(rest, "student/ai/")):
		return tutorClass, true
	case method == http.MethodPost && rest == "payments/initiate":
		return paymentClass, true
	default:
		return generalClass, true
	}
}

// named are the members of a body that say whom somebody wants to be. A try counts
// at the person and the device or address together: sixty children who sign in
// through one access point, or on one tablet, do not wait for each other.
type named struct {
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Number   string `json:"phone_number"`
	Username string `json:"username"`
	Learner  string `json:"learner_id"`
	Refresh  string `json:"refresh_token"`
}

func nameIn(body []byte) string {
	var n named
	if json.Unmarshal(body, &n) != nil { // then the request is refused anyway
		return ""
	}
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join([]string{n.Email, n.Phone, n.Number, n.Username, n.Learner}, "\x00")) + "\x00" + n.Refresh))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// limits counts the request, says in headers how the sender stands, and refuses
// what is too much.
func (a *API) limits(c *fiber.Ctx, at netip.Addr) error {
	what, counted := classOf(c.Method(), c.Path())
	if !counted || a.limiter == nil || c.Method() == fiber.MethodOptions {
		return nil
	}
	o := a.opts.Limits
	address := neighbourhood(at)
	here, most := "address "+address, GeneralLimit*o.Factor*max(o.Crowd, 1)
	nobody := ActorOf(c.UserContext()).Account == ""
	s := limit.State{OK: true}
	if nobody { // looked at first: who is over it cannot fill the memory with invented names
		s = a.limiter.Look(here, most)
	}
	if s.OK {
		sender, known := a.sender(c, what, address)
		if known {
			s = a.limiter.Take(what.name+" "+sender, what.most*o.Factor)
		}
		if nobody && s.OK {
			if all := a.limiter.Take(here, most); !all.OK || !known {
				s = all
			}
		}
	}
	c.Set("X-RateLimit-Limit", strconv.Itoa(s.Limit))
	c.Set("X-RateLimit-Remaining", strconv.Itoa(s.Remaining))
	c.Set("X-RateLimit-Reset", strconv.FormatInt(s.Reset.Unix(), 10))
	if s.OK {
		return nil
	}
	return errTooMany.After(s.After)
}

// sender is whom a request is counted at; false for a phone of a crowd that has no
// name yet, which only counts at the address.
func (a *API) sender(c *fiber.Ctx, what class, address string) (string, bool) {
	if who := ActorOf(c.UserContext()); who.Account != "" {
		return "account " + string(who.Account), true
	}
	from, device := "address "+address, ""
	if a.opts.Limits.Device != "" {
		device = c.Cookies(a.opts.Limits.Device)
	}
	if device != "" && len(device) <= 64 {
		from += " device " + device
	}
	if what == authClass {
		return from + " as " + nameIn(c.BodyRaw()), true
	}
	return from, device != "" || a.opts.Limits.Crowd <= 1
}

// retryAfter is whole seconds, one at least.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

func (a *API) newLimiter() *limit.Limiter {
	if a.opts.Limits.Factor == 0 || a.opts.Limits.Clock == nil {
		return nil
	}
	return limit.New(a.opts.Limits.Clock, keysKept)
}

type (
	addressKey       struct{}
	neighbourhoodKey struct{}
)

// AddressOf is where the request of ctx came from; empty outside of one.
func AddressOf(ctx context.Context) string {
	s, _ := ctx.Value(addressKey{}).(string)
	return s
}

// NeighbourhoodOf is AddressOf for counting: whoever has a network of IPv6 has all
// its addresses.
func NeighbourhoodOf(ctx context.Context) string {
	s, _ := ctx.Value(neighbourhoodKey{}).(string)
	return s
}
