package leaf

import (
	"slices"
	"testing"
)

func TestFramesGoBothWaysInOrder(t *testing.T) {
	h := newHub(t)
	a, b := newBox(t, h, "school-a", 7), newBox(t, h, "school-b", 9)
	a.start()
	b.start()
	a.connected()
	b.connected()

	a.send(numbered("a", 1, 300)...)
	b.send(numbered("b", 1, 50)...)
	a.sendDown(numbered("da", 1, 300)...)
	b.sendDown(numbered("db", 1, 50)...)

	eventually(t, "all frames of A", func() bool { return slices.Equal(h.from("school-a"), numbered("a", 1, 300)) })
	eventually(t, "all frames of B", func() bool { return slices.Equal(h.from("school-b"), numbered("b", 1, 50)) })
	eventually(t, "all frames to A", func() bool { return slices.Equal(a.got(), numbered("da", 1, 300)) })
	eventually(t, "all frames to B", func() bool { return slices.Equal(b.got(), numbered("db", 1, 50)) })

	eventually(t, "the counters tell it", func() bool {
		s := a.stats()
		return s.UpHandled == 300 && s.DownPublished == 300 && s.UpMirrored > 0 && s.DownMirrored == s.DownLast && s.Connected
	})
}
