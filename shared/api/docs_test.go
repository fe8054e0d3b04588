package api_test

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/web"
)

func TestThePagesOfTheAPILoadOnlyFilesOfTheWebApp(t *testing.T) {
	if _, err := fs.Stat(web.FS, "assets"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the web app is not built; run: make web")
		}
		t.Skip("the web app is not built; run: make web")
	}
	a, _ := service(t)
	address := regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	for _, page := range []string{"/docs", "/redoc"} {
		resp, html := send(t, a, http.MethodGet, page, "", "")
		if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d, policy %q", page, resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
		}
		files := address.FindAllStringSubmatch(html, -1)
		if len(files) == 0 {
			t.Errorf("%s loads nothing", page)
		}
		for _, f := range files {
			if _, err := fs.Stat(web.FS, strings.TrimPrefix(f[1], "/")); err != nil {
				t.Errorf("%s loads %s: %v", page, f[1], err)
			}
		}
	}
}
