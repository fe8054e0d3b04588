package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// HandOver is how far a file is that is handed over in slices.
type HandOver struct {
	ID         string `json:"id"`
	SchoolName string `json:"school_name" doc:"The school whose work it is, as the file says."`
	Size       int64  `json:"size"`
	Received   int64  `json:"received" doc:"Where the next slice begins."`
	Read       int64  `json:"read" doc:"How much of it is stored, in bytes, once all was received."`
	Stage      string `json:"stage" enum:"receiving,reading,done,failed"`
	Again      bool   `json:"again" doc:"It had been handed over before; nothing was sent twice."`
	// Code of what went wrong; the web app has its sentence.
	Code    string        `json:"code,omitempty"`
	Outcome *CarryOutcome `json:"outcome,omitempty"`
	// ReceiptURL and Return are the way back; only the cloud has them.
	ReceiptURL string     `json:"receipt_url,omitempty"`
	Return     *CarryFile `json:"return,omitempty"`
}

// CarryOutcome is what a file brought.
type CarryOutcome struct {
	State string `json:"state" enum:"applied,known,parked,paused,held,forked,torn,below"`
	// MadeAt is by the clock of who wrote it.
	MadeAt time.Time `json:"made_at"`
	At     time.Time `json:"at"`
	New    int64     `json:"new"`
	Known  int64     `json:"known"`
	Items  []CarryOf `json:"items" nullable:"false"`
	Safe   int64     `json:"safe" doc:"Own records of this side that the other side has now."`
	Answer int64     `json:"answers" doc:"Answers of the tutor that came."`
	Files  int64     `json:"files" doc:"Files of courses that came."`
	Waits  int64     `json:"waits" doc:"Records that are kept in the file and not stored yet."`
	Aside  int64     `json:"aside" doc:"Records that could not be stored and are kept aside."`
}

// CarryOf is how many records of one sort came.
type CarryOf struct {
	Kind  string `json:"kind" enum:"control,money,roster,tutor,learning"`
	New   int64  `json:"new"`
	Known int64  `json:"known"`
}

// CarryFile is a file to take along.
type CarryFile struct {
	URL     string    `json:"url"`
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
	Records int64     `json:"records"`
	MadeAt  time.Time `json:"made_at"`
	// HandOverURL is where the file is handed over; empty at the cloud.
	HandOverURL string `json:"hand_over_url,omitempty"`
}

// CarryBack makes the way back of a file that was handed over.
type CarryBack func(ctx context.Context, u bundle.Upload) (receiptURL string, file *CarryFile, err error)

type (
	handOverOut  struct{ Body HandOver }
	beginCarryIn struct {
		Size    int64  `query:"size" minimum:"1" maximum:"9007199254740991" required:"true" doc:"Of the whole file, in bytes."`
		RawBody []byte `contentType:"application/octet-stream"`
	}
	appendCarryIn struct {
		ID      string `path:"id"`
		Offset  int64  `query:"offset" minimum:"0" maximum:"9007199254740991" required:"true"`
		RawBody []byte `contentType:"application/octet-stream"`
	}
	findCarryIn struct {
		ID string `path:"id"`
	}
)

// MountHandOver lets anybody hand over a file that a box, or the cloud, wrote:
// it is signed and encrypted by itself, and whoever carries it needs no account.
// It goes in slices, and goes on where it stopped. back is nil at a school.
func MountHandOver(a *API, desk *bundle.Desk, back CarryBack) {
	answer := func(ctx context.Context, u bundle.Upload, err error) (*handOverOut, error) {
		if err != nil {
			return nil, err
		}
		out := handOver(u)
		if back != nil && u.Stage == bundle.Done && u.Note != nil {
			out.ReceiptURL, out.Return, err = back(ctx, u)
			if errors.Is(err, bundle.ErrBelowFloor) { // what came is in; a file cannot bring the box up to date
				if u.Note.State.Final() {
					out.Outcome.State = string(bundle.Below)
				}
				err = nil
			}
			if err != nil {
				return nil, err
			}
		}
		return &handOverOut{out}, nil
	}
	const tag, slice = "carry", bundle.MaxSlice + 1<<10
	Register(a, Op{ID: "begin-hand-over", Method: http.MethodPost, Path: "/api/v1/carry/uploads", Summary: "Begin to hand over a file", Tag: tag, Public: true, MaxBody: slice},
		func(ctx context.Context, _ identity.Actor, in *beginCarryIn) (*handOverOut, error) {
			u, err := desk.Begin(ctx, in.Size, in.RawBody)
			return answer(ctx, u, err)
		})
	Register(a, Op{ID: "continue-hand-over", Method: http.MethodPost, Path: "/api/v1/carry/uploads/{id}", Summary: "Hand over the next slice", Tag: tag, Public: true, MaxBody: slice},
		func(ctx context.Context, _ identity.Actor, in *appendCarryIn) (*handOverOut, error) {
			u, err := desk.Append(ctx, in.ID, in.Offset, in.RawBody)
			return answer(ctx, u, err)
		})
	Register(a, Op{ID: "see-hand-over", Method: http.MethodGet, Path: "/api/v1/carry/uploads/{id}", Summary: "How far a hand-over is", Tag: tag, Public: true},
		func(ctx context.Context, _ identity.Actor, in *findCarryIn) (*handOverOut, error) {
			u, err := desk.Find(ctx, in.ID)
			return answer(ctx, u, err)
		})
}

func handOver(u bundle.Upload) HandOver {
	out := HandOver{ID: u.ID, SchoolName: u.SchoolName, Size: u.Size, Received: u.Received, Read: u.Read, Stage: string(u.Stage), Again: u.Again}
	if f, ok := errors.AsType[*fault.Error](u.Err); ok {
		out.Code = f.Code
	}
	if n := u.Note; n != nil {
		o := &CarryOutcome{State: string(n.State), MadeAt: n.Made, At: n.At, New: n.Result.New, Known: n.Result.Known, Items: []CarryOf{},
			Safe: n.Result.Confirmed, Answer: n.Result.Answers, Files: n.Result.Blobs, Aside: n.Result.Aside}
		for _, l := range n.Result.Lanes {
			o.Waits += l.Waits
			o.Items = append(o.Items, CarryOf{Kind: l.Lane.String(), New: l.New, Known: l.Known})
		}
		out.Outcome = o
	}
	return out
}

type carryOut struct{ Body CarryFile }

// MountCarry lets a teacher take the school's work along on a phone: write makes
// the file, open finds it by the secret part of its address. The download
// itself needs no token, since a browser's download sends none, and the file
// opens for nobody but the cloud.
func MountCarry(a *API, write func(ctx context.Context, who identity.Actor) (CarryFile, error), open func(secret string) (path, name string, err error)) {
	Register(a, Op{ID: "carry-work", Method: http.MethodPost, Path: "/api/v1/carry", Summary: "Write the school's work into a file", Tag: "carry",
		Roles: []identity.Role{identity.Instructor}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*carryOut, error) {
			f, err := write(ctx, who)
			return &carryOut{f}, err
		})
	MountDownload(a, "/carry/file/:secret", open)
}

// MountDownload serves files to be kept on a phone, found by the last part of
// their address.
func MountDownload(a *API, route string, open func(secret string) (path, name string, err error)) {
	a.App.Get(route, func(c *fiber.Ctx) error {
		path, name, err := open(c.Params("secret"))
		if errors.Is(err, fs.ErrNotExist) {
			return fiber.ErrNotFound
		}
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
		c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", name))
		return sendFile(c, path)
	})
}
