package web

import (
	"context"
	"net/http"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/line"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
)

// LinePlan is how a school's line may be used. Megabytes are millions of bytes,
// as the sellers of bundles count them.
type LinePlan struct {
	Metered bool          `json:"metered" doc:"The line costs by the byte: it is used on demand."`
	Every   int64         `json:"every_minutes" minimum:"0" maximum:"1440" doc:"How often a metered line is used without need; 0: every 15 minutes."`
	DayMB   int64         `json:"day_mb" minimum:"0" maximum:"1000000" doc:"Budget a day; 0: none."`
	MonthMB int64         `json:"month_mb" minimum:"0" maximum:"10000000" doc:"Budget a month; 0: none."`
	PerMB   float64       `json:"shillings_per_mb" minimum:"0" maximum:"1000"`
	Windows []talk.Window `json:"windows" nullable:"false" maxItems:"20" doc:"When the line may carry what is not urgent; none: always."`
}

// LineUse is a plan and what the box said that it used.
type LineUse struct {
	LinePlan
	TodayBytes int64 `json:"today_bytes"`
	MonthBytes int64 `json:"month_bytes"`
	// MonthShillings is what the month's bytes cost.
	MonthShillings float64 `json:"month_shillings"`
}

type lineOut struct{ Body LineUse }

type setLineIn struct {
	ID   string `path:"id" format:"uuid"`
	Body LinePlan
}

const megabyte = 1_000_000

// MountLine adds how a school's line may be used.
func MountLine(a *api.API, f *fleet.Service) {
	const tag, path = "fleet", "/api/v1/schools/{id}/line"
	api.Register(a, api.Op{ID: "school-line", Method: http.MethodGet, Path: path, Summary: "How a school's line may be used, and what was used", Tag: tag,
		Roles: []identity.Role{identity.Admin, identity.Staff}},
		func(ctx context.Context, who identity.Actor, in *schoolPath) (*lineOut, error) {
			u, err := f.Line(ctx, who, identity.SchoolID(in.ID))
			return &lineOut{lineBody(u)}, err
		})
	api.Register(a, api.Op{ID: "set-school-line", Method: http.MethodPut, Path: path, Summary: "Set budgets and hours of a school's line", Tag: tag,
		Roles: []identity.Role{identity.Admin}},
		func(ctx context.Context, who identity.Actor, in *setLineIn) (*lineOut, error) {
			b := in.Body
			_, err := f.SetLine(ctx, who, line.Plan{SchoolID: in.ID, Metered: b.Metered, Every: b.Every, DayBytes: b.DayMB * megabyte,
				MonthBytes: b.MonthMB * megabyte, PriceMinor: int64(b.PerMB * 100), Windows: b.Windows})
			if err != nil {
				return nil, err
			}
			u, err := f.Line(ctx, who, identity.SchoolID(in.ID))
			return &lineOut{lineBody(u)}, err
		})
}

func lineBody(u fleet.LineUse) LineUse {
	perMB := float64(u.PriceMinor) / 100
	windows := u.Windows
	if windows == nil {
		windows = []talk.Window{}
	}
	return LineUse{
		LinePlan:   LinePlan{Metered: u.Metered, Every: u.Every, DayMB: u.DayBytes / megabyte, MonthMB: u.MonthBytes / megabyte, PerMB: perMB, Windows: windows},
		TodayBytes: u.Today, MonthBytes: u.Month, MonthShillings: perMB * float64(u.Month) / megabyte,
	}
}
