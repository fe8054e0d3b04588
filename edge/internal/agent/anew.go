package agent

// Anew has the conversation begun anew, in the same epoch and over the same
// carriers: the database is another one. A link that rests begins so anyway.
func (c *Connection) Anew() {
	if l := c.current(); l != nil {
		l.Anew()
	}
}
