package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// rounds is how many quizzes each learner takes on the measured school day.
const rounds = 2

// schoolDay cuts the cable, lets every learner work, and measures the arrival.
func (b *bench) schoolDay(ctx context.Context) error {
	if err := b.openCourse(ctx); err != nil {
		return err
	}
	b.school.Link.Cut()
	for _, c := range b.learners {
		for i := range rounds {
			lesson := b.course.Lessons[i%len(b.course.Lessons)]
			if err := c.Post(ctx, "/api/v1/courses/"+b.course.ID+"/lessons/"+lesson.ID+"/open", nil, nil); err != nil {
				return err
			}
			if err := c.Post(ctx, "/api/v1/assessments/"+lesson.AssessmentID+"/submit", map[string]any{"answers": []any{}}, nil); err != nil {
				return err
			}
			if err := c.Post(ctx, "/api/v1/ai-tutor/chat", map[string]any{"message": "What is place value?"}, nil); err != nil {
				return err
			}
		}
	}
	st, err := b.school.Status(ctx)
	if err != nil {
		return err
	}
	return b.arrival(ctx, patience{fmt.Sprintf("a school day (%d records)", st.Waiting), 10 * time.Minute, "10 s"}, "SELECT count(*) FROM attempts", int64(rounds*len(b.learners)))
}

// weeks fills the box with a large backlog and measures the arrival.
func (b *bench) weeks(ctx context.Context, records int) error {
	if err := b.openCourse(ctx); err != nil {
		return err
	}
	b.school.Link.Cut()
	began := time.Now()
	if err := b.fill(ctx, records); err != nil {
		return err
	}
	tell(fmt.Sprintf("saving %d records at the box, one request each", records), seconds(time.Since(began)), "-")
	return b.arrival(ctx, patience{fmt.Sprintf("a backlog of %d records", records), 10 * time.Minute, "10 s"}, "SELECT count(*) FROM learning_activities WHERE kind = 'time_spent'", int64(records))
}

// fill reports lesson time, one record a request, several learners at once.
func (b *bench) fill(ctx context.Context, records int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	var crew sync.WaitGroup
	for range 8 {
		crew.Go(func() {
			for i := range work {
				if err := b.spend(ctx, b.learners[i%len(b.learners)], i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for i := range records {
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	crew.Wait()
	return context.Cause(ctx)
}

func (b *bench) spend(ctx context.Context, c *world.Client, i int) error {
	lesson := b.course.Lessons[i%len(b.course.Lessons)]
	return c.Post(ctx, "/api/v1/courses/"+b.course.ID+"/lessons/"+lesson.ID+"/time", map[string]any{"seconds": 30}, nil)
}

// machine describes the computer the figures are of.
func machine() string {
	field := func(file, key string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			return "unknown"
		}
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
				return strings.TrimSpace(value)
			}
		}
		return "unknown"
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		kernel = []byte("unknown")
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown")
	}
	return fmt.Sprintf("machine: %s, %d processors, memory %s, Linux %s, %s; load before the start: %s\n"+
		"everything (both sides and PostgreSQL) runs on this one machine; the line between them has no delay",
		field("/proc/cpuinfo", "model name"), runtime.NumCPU(), field("/proc/meminfo", "MemTotal"),
		strings.TrimSpace(string(kernel)), runtime.Version(), strings.TrimSpace(string(load)))
}
