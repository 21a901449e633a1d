package zone

// Counts says how many records of each type a zone holds.
type Counts struct {
	A, AAAA, SRV, PTR, TXT, NS, SOA int
}

// Total is the number of records of all types.
func (c Counts) Total() int { return c.A + c.AAAA + c.SRV + c.PTR + c.TXT + c.NS + c.SOA }

// plus returns the sum of the two; sign -1 takes the second away.
func (c Counts) plus(sign int, d Counts) Counts {
	c.A += sign * d.A
	c.AAAA += sign * d.AAAA
	c.SRV += sign * d.SRV
	c.PTR += sign * d.PTR
	c.TXT += sign * d.TXT
	c.NS += sign * d.NS
	c.SOA += sign * d.SOA
	return c
}
