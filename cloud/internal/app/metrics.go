package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
)

// fleetFigures are the figures of the fleet page for /metrics: totals, and the
// same for each school by its id. One query a scrape.
type fleetFigures struct {
	read func(ctx context.Context) ([]fleet.Box, error)
}

// figure is one gauge of a school; total: the sum over all is a gauge too.
type figure struct {
	name, help string
	total      bool
	of         func(fleet.Box) float64
}

func figures() []figure {
	return []figure{
		{"behind_records", "Records the box told of that are not applied here.", true, func(b fleet.Box) float64 { return float64(b.Behind) }},
		{"waiting", "Records of the cloud that the school has not applied.", true, func(b fleet.Box) float64 { return float64(b.Unsent) }},
		{"dead_letters", "Records of the school that could not be stored here.", true, func(b fleet.Box) float64 { return float64(b.DeadLetters) }},
		{"box_dead_letters", "Records of the cloud that the box could not store.", true, func(b fleet.Box) float64 { return float64(b.Said.BoxDeadLetters) }},
		{"missing_dependencies", "Records that wait for another one.", true, func(b fleet.Box) float64 { return float64(b.Waiting) }},
		{"paused_lanes", "Lanes that take nothing more until an admin has looked.", true, func(b fleet.Box) float64 { return float64(paused(b)) }},
		{"lost_if_dead_records", "Records that exist on the box alone.", true, func(b fleet.Box) float64 { return float64(b.Said.LostIfDead) }},
		{"pending_bytes", "Size of what the cloud has not applied, as the box last said.", true, func(b fleet.Box) float64 { return float64(b.Said.PendingBytes) }},
		{"oldest_unacked_seconds", "Age of the box's oldest record that is not applied here, counted from link-up.", false,
			func(b fleet.Box) float64 { return float64(b.Said.OldestSinceUp) }},
		{"clock_offset_seconds", "How far the box's clock is ahead.", false, func(b fleet.Box) float64 { return float64(b.ClockOffsetMS) / 1000 }},
		{"data_used_month_bytes", "Data that sync and downloads used this month.", true, func(b fleet.Box) float64 { return float64(b.Said.UsedMonth) }},
		{"disk_free_bytes", "Free space on the box.", false, func(b fleet.Box) float64 { return float64(b.Said.DiskFree) }},
		{"digest_differs", "1 when the box's records differ from the cloud's.", true, func(b fleet.Box) float64 { return one(b.Said.Digest == "differs") }},
		{"up", "1 when the box was heard in the last two minutes.", true, func(b fleet.Box) float64 { return one(b.Status == fleet.Online) }},
		{"last_seen_timestamp_seconds", "When the box was last heard.", false, func(b fleet.Box) float64 { return stamp(b.LastSeenAt) }},
		{"copy_timestamp_seconds", "When the newest copy on the second medium was made.", false, func(b fleet.Box) float64 { return stamp(b.Said.CopyAt) }},
	}
}

func paused(b fleet.Box) (n int) {
	for _, l := range b.Lanes {
		if l.Paused {
			n++
		}
	}
	return n
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func stamp(t *time.Time) float64 {
	if t == nil {
		return 0
	}
	return float64(t.Unix())
}

// Describe implements prometheus.Collector: what it gives depends on the schools.
func (*fleetFigures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *fleetFigures) Collect(out chan<- prometheus.Metric) {
	boxes, err := c.read(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("uhs_fleet_schools", "Schools with a box.", nil, nil), err)
		return
	}
	schools := 0.0
	for _, b := range boxes {
		schools += one(b.ApplianceID != "")
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(prometheus.NewDesc("uhs_fleet_schools", "Schools with a box.", nil, nil), schools)
	for _, f := range figures() {
		each, sum := prometheus.NewDesc("uhs_school_"+f.name, f.help, []string{"school"}, nil), 0.0
		for _, b := range boxes {
			if b.ApplianceID == "" {
				continue
			}
			sum += f.of(b)
			gauge(each, f.of(b), b.SchoolID)
		}
		if f.total {
			gauge(prometheus.NewDesc("uhs_fleet_"+f.name, f.help+" All schools.", nil, nil), sum)
		}
	}
	lanes := prometheus.NewDesc("uhs_school_lane_behind_records", "Records the box told of that are not applied here, by lane.", []string{"school", "lane"}, nil)
	for _, b := range boxes {
		for _, l := range b.Lanes {
			if b.ApplianceID != "" {
				gauge(lanes, float64(max(0, l.Head-l.Applied)), b.SchoolID, strconv.Itoa(l.Lane))
			}
		}
	}
}
