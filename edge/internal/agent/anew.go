package agent

// Anew has the conversation begun anew: the database is another one.
func (c *Connection) Anew() {
	select {
	case c.reclaimed <- struct{}{}:
	default:
	}
}
