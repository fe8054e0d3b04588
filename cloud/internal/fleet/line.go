package fleet

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/line"
)

// LineUse is a school's plan and what its box last said that it used of it.
type LineUse struct {
	line.Plan
	Today, Month int64 // bytes
}

// Line gives how a school's line may be used and what was used; admins and staff.
func (s *Service) Line(ctx context.Context, who identity.Actor, school identity.SchoolID) (out LineUse, err error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return out, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if _, err := schoolName(ctx, tx, selectSchoolName, string(school)); err != nil {
			return err
		}
		if out.Plan, err = line.Of(ctx, tx, string(school)); err != nil {
			return err
		}
		peer, heard, err := syncer.ReadPeer(ctx, tx, string(school))
		if heard {
			out.Today, out.Month = peer.Report.UsedToday, peer.Report.UsedMonth
		}
		return err
	})
	return out, err
}

// errLine is for a plan that cannot be meant.
var errLine = fault.New(fault.Invalid, "This plan of the line is not valid.").WithCode("line_plan")

// SetLine sets how a school's line may be used; admins only. The box hears of it
// with the next words over the line.
func (s *Service) SetLine(ctx context.Context, who identity.Actor, p line.Plan) (line.Plan, error) {
	if err := who.Require(identity.Admin); err != nil {
		return p, err
	}
	if p.DayBytes < 0 || p.MonthBytes < 0 || p.PriceMinor < 0 || p.Every < 0 || p.Every > 24*60 {
		return p, errLine
	}
	for _, w := range p.Windows {
		if w.From < 0 || w.From >= 24*60 || w.To < 0 || w.To > 24*60 || w.From == w.To || w.Days < 0 || w.Days > 127 {
			return p, errLine.At("want two different times of day", "windows")
		}
	}
	p.At = db.Time{Time: s.o.Clock.Now()}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := schoolName(ctx, tx, selectSchoolName, p.SchoolID); err != nil {
			return err
		}
		_, err := line.Plans.Save(ctx, tx, p)
		return err
	})
	return p, err
}
