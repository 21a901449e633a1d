// Package explain tells why a name of a clusterset zone answers what it answers, or
// nothing.
//
// The records are those that package zone makes of the services: explain looks for
// the way that leads to them, or for the step at which it ends, and never decides
// itself what is published.
package explain
