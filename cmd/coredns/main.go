// Command coredns is CoreDNS with the plugins that users of clusterset zones need, and with one of ours: multicluster,
// which serves the zones that zonegen writes.
//
// It takes any Corefile that stock CoreDNS takes, unless the Corefile names one of the few plugins that bring the
// SDK of a cloud provider, the client of another data store or a tracer with them; plugins.go lists what is in.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func init() { dnsserver.Directives = directives }

func main() { coremain.Run() }
