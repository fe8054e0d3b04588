package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

// paidBy is who holds an entitlement of every course.
type paidBy identity.AccountID

func (p paidBy) CanOpen(_ context.Context, _ db.Tx, who identity.Actor, _ catalogue.CourseID) (bool, error) {
	return who.Account == identity.AccountID(p), nil
}

// catalogueWorld is an API over the paid course of the source package's
// testdata; a token is the account's name.
func catalogueWorld(t *testing.T) (*api.API, source.Course, *pack.Store) {
	t.Helper()
	d := dbtest.SQLite(t)
	course, err := source.Read(os.DirFS("../catalogue/source/testdata/beans"))
	if err != nil {
		t.Fatal(err)
	}
	course.Content.Course.Edition = 1
	course.Content.Course.PublishedAt.Time = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	if err := d.Update(t.Context(), func(tx db.Tx) error { return catalogue.Install(t.Context(), tx, course.Content) }); err != nil {
		t.Fatal(err)
	}
	store, err := pack.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(course.Media[0].Data); err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Options{Name: "UHS", Version: "1", Environment: "test", Log: slog.New(slog.DiscardHandler),
		Healthy: func(context.Context) error { return nil },
		Verify: func(_ context.Context, token string) (identity.Actor, error) {
			return identity.Actor{Account: identity.AccountID(token), Role: identity.Student}, nil
		}})
	api.MountCatalogue(a, catalogue.New(catalogue.Options{DB: d, Access: paidBy("amina")}), func() time.Time { return time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC) })
	api.MountMedia(a, store)
	api.MountPacks(a, store, func(c *fiber.Ctx) error {
		if c.Get("X-Node") == "" {
			return fiber.ErrForbidden
		}
		return c.Next()
	})
	return a, course, store
}

func ask(t *testing.T, a *api.API, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := a.App.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestCatalogueRoutes(t *testing.T) {
	a, course, _ := catalogueWorld(t)
	id, lesson := string(course.Content.Course.ID), string(course.Content.Lessons[0].ID)
	status := func(t *testing.T, want int, path string, headers ...string) string {
		t.Helper()
		res, body := ask(t, a, path, headers...)
		if res.StatusCode != want {
			t.Fatalf("%s: %d, want %d: %s", path, res.StatusCode, want, body)
		}
		return body
	}

	t.Run("the list has the published shape, for anybody", func(t *testing.T) {
		var got struct {
			Courses []map[string]any `json:"courses"`
			Total   int              `json:"total"`
			HasMore bool             `json:"has_more"`
		}
		if err := json.Unmarshal([]byte(status(t, 200, "/api/v1/courses/?grade_level=6&limit=5")), &got); err != nil {
			t.Fatal(err)
		}
		if got.Total != 1 || got.HasMore || got.Courses[0]["price"] != 250.0 || got.Courses[0]["is_paid"] != true ||
			got.Courses[0]["rating"] != nil || got.Courses[0]["is_platform_created"] != false {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a course has syllabus and lessons and says who may open it", func(t *testing.T) {
		anybody := status(t, 200, "/api/v1/courses/"+id)
		if strings.Contains(anybody, "entitled") || !strings.Contains(anybody, `"sub_strands":["Plants","Care"]`) || strings.Contains(anybody, "example.org") {
			t.Error(anybody)
		}
		if body := status(t, 200, "/api/v1/courses/"+id, "Authorization", "Bearer brian"); !strings.Contains(body, `"entitled":false`) {
			t.Error(body)
		}
		if body := status(t, 200, "/api/v1/courses/"+id, "Authorization", "Bearer amina"); !strings.Contains(body, `"entitled":true`) {
			t.Error(body)
		}
	})
	t.Run("a paid lesson needs a token and an entitlement", func(t *testing.T) {
		path := "/api/v1/courses/" + id + "/lessons/" + lesson
		status(t, 401, path)
		if body := status(t, 403, path, "Authorization", "Bearer brian"); strings.Contains(body, "seed") {
			t.Error(body)
		}
		body := status(t, 200, path, "Authorization", "Bearer amina")
		if !strings.Contains(body, "What a seed needs") || !strings.Contains(body, `"previous_lesson_id":null`) || !strings.Contains(body, `"next_lesson_id":"`) {
			t.Error(body)
		}
	})
	t.Run("what is not here is 404 and a bad page 422", func(t *testing.T) {
		status(t, 404, "/api/v1/courses/no-such-course")
		status(t, 404, "/api/v1/courses/"+id+"/lessons/none", "Authorization", "Bearer amina")
		status(t, 404, "/api/v1/categories/magic")
		status(t, 422, "/api/v1/courses/?limit=-1")
	})
	t.Run("categories are the twelve areas, competencies name strands", func(t *testing.T) {
		if body := status(t, 200, "/api/v1/categories/"); strings.Count(body, `"parent_id":null`) != 12 {
			t.Error(body)
		}
		body := status(t, 200, "/api/v1/categories/science-and-technology/competencies")
		if !strings.Contains(body, `"total_competencies":3`) || !strings.Contains(body, "I can name what a seed needs to germinate.") || !strings.Contains(body, "EE: Exceeding") {
			t.Error(body)
		}
	})
}

func TestBlobRoutes(t *testing.T) {
	a, course, store := catalogueWorld(t)
	m := course.Media[0]

	t.Run("a picture is served so that nothing in it runs", func(t *testing.T) {
		res, body := ask(t, a, "/media/"+m.SHA256+".svg")
		if res.StatusCode != http.StatusOK || body != string(m.Data) || res.Header.Get("Content-Type") != "image/svg+xml" ||
			!strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	})
	t.Run("nothing but pictures by hash is served", func(t *testing.T) {
		for _, path := range []string{m.SHA256, m.SHA256 + ".html", m.SHA256 + ".svg.html", "..%2F..%2Fschool.db.svg", strings.Repeat("0", 64) + ".svg"} {
			if res, _ := ask(t, a, "/media/"+path); res.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", path, res.StatusCode)
			}
		}
	})
	t.Run("packs are only for those the guard lets pass", func(t *testing.T) {
		if res, _ := ask(t, a, "/packs/blob/"+m.SHA256); res.StatusCode == http.StatusOK {
			t.Errorf("got %d", res.StatusCode)
		}
	})
	t.Run("a range is answered with that range", func(t *testing.T) {
		sha, err := store.Put([]byte("0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			header, body, contentRange string
			status                     int
		}{
			{"", "0123456789", "", 200}, {"bytes=4-", "456789", "bytes 4-9/10", 206}, {"bytes=2-5", "2345", "bytes 2-5/10", 206},
			{"bytes=-3", "789", "bytes 7-9/10", 206}, {"bytes=8-99", "89", "bytes 8-9/10", 206}, {"bytes=0-0", "0", "bytes 0-0/10", 206},
			{"bytes=0-1,4-5", "0123456789", "", 200}, {"lines=1-2", "0123456789", "", 200}, {"bytes=5-2", "0123456789", "", 200}, {"bytes=-", "0123456789", "", 200},
		} {
			res, body := ask(t, a, "/packs/blob/"+sha, "X-Node", "1", "Range", c.header)
			if res.StatusCode != c.status || body != c.body || res.Header.Get("Content-Range") != c.contentRange {
				t.Errorf("%q: %d %q %q", c.header, res.StatusCode, body, res.Header.Get("Content-Range"))
			}
		}
		if res, _ := ask(t, a, "/packs/blob/"+sha, "X-Node", "1", "Range", "bytes=10-"); res.StatusCode != http.StatusRequestedRangeNotSatisfiable || res.Header.Get("Content-Range") != "bytes */10" {
			t.Errorf("past the end: %d %v", res.StatusCode, res.Header)
		}
	})
}
