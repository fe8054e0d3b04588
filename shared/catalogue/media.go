package catalogue

// Media is a picture of a course. Lessons refer to it as /media/<sha256>.<ext>.
type Media struct {
	// SHA256 is hex, of Data.
	SHA256 string
	// Ext is the file's ending without the dot; it decides how it is served.
	Ext string
	// Path is where the author put it.
	Path string
	Data []byte
}

// MediaType is the Content-Type of a picture by its ending without the dot;
// false for endings that courses may not have.
func MediaType(ext string) (string, bool) {
	switch ext {
	case "svg":
		return "image/svg+xml", true
	case "png":
		return "image/png", true
	case "jpg", "jpeg":
		return "image/jpeg", true
	case "webp":
		return "image/webp", true
	default:
		return "", false
	}
}
