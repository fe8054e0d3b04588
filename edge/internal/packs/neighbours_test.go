package packs_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/packs"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
)

// random are n bytes that no other picture has.
func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// times counts the requests for each hash.
func (s *server) times() map[string]int {
	out := map[string]int{}
	for _, r := range s.requests() {
		out[strings.Fields(r)[0]]++
	}
	return out
}

func TestACommonVideoIsFetchedOnceAndSurvivesTheRemovalOfOneCourse(t *testing.T) {
	b := newBox(t)
	video := random(t, 300_000)
	beans, _ := b.course("beans", 1, signer(1), video, random(t, 5_000))
	maize, _ := b.course("maize", 1, signer(1), video)
	b.server.set(func() { b.server.cutAt = 100_000 }) // both are under way at once
	b.arrive(beans)
	b.arrive(maize)
	eventually(t, "both installed with pictures", func() bool {
		one, two := b.of("beans"), b.of("maize")
		return one.BytesDone == beans.SizeBytes && two.BytesDone == maize.SizeBytes && one.PicturesMissing+two.PicturesMissing == 0
	})
	var asked []string
	for _, r := range b.server.requests() {
		if strings.HasPrefix(r, pack.Hash(video)) {
			asked = append(asked, r)
		}
	}
	if want := []string{pack.Hash(video) + " ", pack.Hash(video) + " bytes=100000-"}; !slices.Equal(asked, want) {
		t.Errorf("the common video was asked for so: %v", asked)
	}
	// The next edition of beans has no video: maize still needs it.
	second, _ := b.course("beans", 2, signer(1))
	b.arrive(second)
	eventually(t, "beans 2", func() bool { return b.of("beans").InstalledEdition == 2 })
	gone := func() bool { _, here := b.store.Path(beans.ManifestSHA256); return !here }
	eventually(t, "the old edition removed", gone)
	if _, here := b.store.Path(pack.Hash(video)); !here {
		t.Error("the video that maize needs went with beans")
	}
	third, _ := b.course("maize", 2, signer(1))
	b.arrive(third)
	eventually(t, "the video removed once nothing needs it", func() bool { _, here := b.store.Path(pack.Hash(video)); return !here })
}

func TestABlobOfACourseOnItsWaySurvivesTheRemovalOfAnother(t *testing.T) {
	b := newBox(t)
	common := random(t, 4_000)
	beans, _ := b.course("beans", 1, signer(1), common)
	b.arrive(beans)
	eventually(t, "beans", func() bool { s := b.of("beans"); return s.BytesDone == beans.SizeBytes && s.PicturesMissing == 0 })
	// maize waits for a text that the cloud has not got; the picture is here already.
	maize, built := b.course("maize", 1, signer(1), common)
	lost := biggest(built).SHA256
	var text []byte
	b.server.set(func() { text = b.server.files[lost]; delete(b.server.files, lost) })
	b.arrive(maize)
	eventually(t, "maize refused", func() bool { return b.of("maize").Error == "refused" })
	second, _ := b.course("beans", 2, signer(1))
	b.arrive(second)
	eventually(t, "the old edition removed", func() bool { _, here := b.store.Path(beans.ManifestSHA256); return !here })
	b.server.set(func() { b.server.files[lost] = text })
	b.Wake()
	eventually(t, "maize", func() bool { return b.of("maize").BytesDone == maize.SizeBytes })
	if n := b.server.times()[pack.Hash(common)]; n != 1 {
		t.Errorf("the common picture was asked for %d times", n)
	}
}

func TestAnEditionThatReplacesAnotherWaitsForItsPictures(t *testing.T) {
	b := newBox(t)
	first, _ := b.edition(1, signer(1))
	b.arrive(first)
	b.until("installed", isInstalled(1))
	film := random(t, 20_000)
	second, _ := b.course("beans", 2, signer(1), film)
	b.server.set(func() { delete(b.server.files, pack.Hash(film)) })
	b.arrive(second)
	s := b.until("refused", hasFailed("refused"))
	if b.seen() != 1 || s.InstalledEdition != 1 || s.BytesDone != second.SizeBytes-20_000 {
		t.Errorf("sees %d, %+v", b.seen(), s)
	}
	b.server.set(func() { b.server.files[pack.Hash(film)] = film })
	b.until("installed", func(s packs.CourseStatus) bool { return isInstalled(2)(s) && s.PicturesMissing == 0 })
}

// counted is the way to the cloud, whose bytes are counted.
type counted struct{ used *atomic.Int64 }

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.Body = countedBody{resp.Body, c.used}
	}
	return resp, err
}

type countedBody struct {
	io.ReadCloser
	used *atomic.Int64
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.used.Add(int64(n))
	return n, err
}

func TestNeighbours(t *testing.T) {
	// with is a box that has neighbours, and its licence of a course that the cloud
	// and the first neighbour have.
	with := func(t *testing.T, neighbours ...*server) (*box, *atomic.Int64) {
		used := &atomic.Int64{}
		b := newBoxWith(t, func(o *packs.Options) {
			for _, n := range neighbours {
				o.Neighbours = append(o.Neighbours, n.URL+"/")
			}
			// As the appliance does: what goes to the cloud is signed.
			o.Client = &http.Client{Transport: httpcarrier.Signer{Appliance: "box", Key: signer(3), Next: counted{used}}}
			o.RetryMin = time.Minute // each case comes right without another attempt
			o.NearIdle = 300 * time.Millisecond
		})
		return b, used
	}
	whole := func(b *box, size int64) func() bool {
		return func() bool {
			s := b.of("beans")
			return s.BytesDone == size && s.InstalledEdition == 1 && s.PicturesMissing == 0
		}
	}

	t.Run("a course comes whole from a neighbour while the cloud is away, unsigned, and no byte is counted", func(t *testing.T) {
		n := newServer(t)
		b, used := with(t, n)
		l, built := b.course("beans", 1, signer(1), random(t, 200_000))
		n.set(func() { maps.Copy(n.files, b.server.files) })
		b.server.Close()
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if used.Load() != 0 || len(b.server.requests()) != 0 {
			t.Errorf("%d bytes of the line, %d requests", used.Load(), len(b.server.requests()))
		}
		for sha, times := range n.times() {
			if times != 1 {
				t.Errorf("%s was asked for %d times of %d blobs", sha, times, len(built.Blobs))
			}
		}
		if h := n.header(); h.Get(httpcarrier.SignatureHeader) != "" || h.Get(httpcarrier.ApplianceHeader) != "" {
			t.Errorf("a neighbour got a signed request: %v", h)
		}
	})
	t.Run("what a neighbour has not got comes from the cloud, and its bytes are counted", func(t *testing.T) {
		n := newServer(t)
		b, used := with(t, n)
		film := random(t, 200_000)
		l, _ := b.course("beans", 1, signer(1), film)
		n.set(func() { maps.Copy(n.files, b.server.files); delete(n.files, pack.Hash(film)) })
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if used.Load() != int64(len(film)) || len(b.server.requests()) != 1 {
			t.Errorf("%d bytes of the line, asked %v", used.Load(), b.server.requests())
		}
	})
	t.Run("a neighbour that is cut goes on at the cloud where it stopped", func(t *testing.T) {
		n := newServer(t)
		b, used := with(t, n)
		film := random(t, 200_000)
		l, _ := b.course("beans", 1, signer(1), film)
		n.set(func() { n.files[pack.Hash(film)] = film; n.cutAt = 150_000 })
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if want := pack.Hash(film) + " bytes=150000-"; !strings.Contains(strings.Join(b.server.requests(), "\n"), want) {
			t.Errorf("no %s in %v", want, b.server.requests())
		}
		if used.Load() > l.SizeBytes-150_000 {
			t.Errorf("%d bytes of the line", used.Load())
		}
	})
	t.Run("a neighbour that lies is found out, dropped, and harms nothing", func(t *testing.T) {
		n := newServer(t)
		b, _ := with(t, n)
		film, other := random(t, 200_000), random(t, 100_000)
		l, built := b.course("beans", 1, signer(1), film, other)
		big := biggest(built).SHA256
		n.set(func() { maps.Copy(n.files, b.server.files); n.spoil = big })
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if got, err := b.store.Read(pack.Hash(film)); err != nil || !bytes.Equal(got, film) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		asked := n.requests()
		if last := asked[len(asked)-1]; !strings.HasPrefix(last, big) {
			t.Errorf("asked again after the lie: %s", last)
		}
	})
	t.Run("half of a liar's bytes finished by the cloud are blamed on the liar", func(t *testing.T) {
		n := newServer(t)
		b, _ := with(t, n)
		film := random(t, 200_000)
		l, _ := b.course("beans", 1, signer(1), film)
		wrong := bytes.Clone(film)
		wrong[10] ^= 1
		n.set(func() { n.files[pack.Hash(film)] = wrong; n.cutAt = 150_000 })
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if got, err := b.store.Read(pack.Hash(film)); err != nil || !bytes.Equal(got, film) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if s := b.of("beans"); s.Error != "" {
			t.Errorf("told as a failure: %+v", s)
		}
	})
	t.Run("a neighbour that trickles is given up, the next one serves", func(t *testing.T) {
		slow, good := newServer(t), newServer(t)
		slow.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "200000")
			for range 2_000 {
				if _, err := w.Write([]byte("slow")); err != nil || r.Context().Err() != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		})
		b, used := with(t, slow, good)
		l, _ := b.course("beans", 1, signer(1), random(t, 200_000))
		good.set(func() { maps.Copy(good.files, b.server.files) })
		b.server.Close()
		begun := time.Now()
		b.arrive(l)
		eventually(t, "installed", whole(b, l.SizeBytes))
		if took := time.Since(begun); took > 3*time.Second || used.Load() != 0 {
			t.Errorf("it took %v, %d bytes of the line", took, used.Load())
		}
	})
	t.Run("a manifest signed by somebody else is not trusted, whoever gives it", func(t *testing.T) {
		n := newServer(t)
		b, _ := with(t, n)
		l, _ := b.course("beans", 1, signer(2))
		n.set(func() { maps.Copy(n.files, b.server.files) })
		b.arrive(l)
		b.until("not trusted", hasFailed("not_trusted"))
		if b.seen() != 0 {
			t.Error("it was installed")
		}
	})
}
