package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// measure adds the figures of the sync to /metrics.
func (b *box) measure(reg *prometheus.Registry, s *school) { reg.MustRegister(&syncFigures{b, s}) }

// syncFigures are the box's figures, read at once when they are asked for.
type syncFigures struct {
	box    *box
	school *school
}

// Describe implements prometheus.Collector: lanes come as they are used.
func (*syncFigures) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *syncFigures) Collect(out chan<- prometheus.Metric) {
	ctx := context.Background()
	st, err := c.box.syncStatus(ctx, c.school)
	var r syncproto.Report
	var heads syncer.Heads
	if err == nil {
		err = c.box.db.View(ctx, func(tx db.Tx) (err error) {
			if heads, err = syncer.ReadHeads(ctx, tx, c.box.agent.Log()); err != nil {
				return err
			}
			r, err = c.school.report.report(ctx, tx)
			return err
		})
	}
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewDesc("uhs_sync_waiting_records", "Records the cloud has not applied.", nil, nil), err)
		return
	}
	gauge := func(name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("uhs_"+name, help, nil, nil), prometheus.GaugeValue, v)
	}
	up, oldest := 0.0, 0.0
	if st.Link == "up" {
		up = 1
	}
	if st.OldestWaitingAt != nil {
		oldest = st.Now.Sub(*st.OldestWaitingAt).Seconds()
	}
	gauge("sync_waiting_records", "Records the cloud has not applied.", float64(st.Waiting))
	gauge("sync_link_up", "1 when the cloud can be reached.", up)
	gauge("sync_oldest_waiting_seconds", "Age of the oldest record the cloud has not applied.", oldest)
	gauge("sync_oldest_since_up_seconds", "The same, counted from link-up: alert on this.", float64(r.OldestSinceUp))
	gauge("sync_pending_bytes", "Size of what the cloud has not applied.", float64(r.PendingBytes))
	gauge("sync_dead_letters", "Records of the cloud that this box could not store.", float64(r.DeadLetters))
	gauge("sync_lost_if_dead_records", "Records that exist on this box alone.", float64(r.LostIfDead))
	gauge("sync_needs", "Things that somebody should see to.", float64(len(st.Needs)))
	gauge("data_used_today_bytes", "Data that sync and downloads used today.", float64(r.UsedToday))
	gauge("data_used_month_bytes", "Data that sync and downloads used this month.", float64(r.UsedMonth))
	gauge("disk_free_bytes", "Free space of the disk.", float64(r.DiskFree))
	gauge("copy_timestamp_seconds", "When the newest copy on the second medium was made.", float64(r.CopyAt))
	for _, f := range []struct {
		name, help string
		of         func(lane int) int64
	}{
		{"uhs_sync_lane_head", "End of the box's own log, by lane.", func(l int) int64 { return heads.Out[l].Seq }},
		{"uhs_sync_lane_applied", "How far the cloud has applied it.", func(l int) int64 { return heads.Acked[l] }},
		{"uhs_sync_lane_backed_up", "How far it is in a verified backup.", func(l int) int64 { return heads.Backed[l] }},
	} {
		d := prometheus.NewDesc(f.name, f.help, []string{"lane"}, nil)
		for l := range heads.Out {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(f.of(l)), strconv.Itoa(l))
		}
	}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
