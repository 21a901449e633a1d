// Package e2e tests the programs of this repository as they are run: the built zonegen and coredns against a real
// kube-apiserver and etcd, asked with the real dig, their files read by BIND's, NSD's and Knot's checkers.
//
// It is a module of its own, so that whoever imports the CoreDNS plugin does not get the module graph of a control
// plane. The files without _test in their names are the tools of the tests:
//
//	apiserver.go     API servers: one that all tests share, private ones for tests that disturb theirs
//	controlplane.go  starting, stopping and freezing them
//	crds.go          the CRDs of the Multi-Cluster Services API, served in either version or both
//	objects.go       ServiceImports and EndpointSlices
//	store.go         putting objects into an API server
//	population.go    clustersets of a given size
//	namespace.go     namespaces that go away with their contents
//	programs.go      building zonegen and coredns
//	deploy.go        the manifests of deploy/, and the rights that they grant
//	kubelet.go       volumes of Pods
//	projected.go     how a kubelet replaces the files of a volume
//	container.go     running containers of Pods
//	process.go       running them
//	output.go        what they print
//	http.go          what their HTTP endpoints say
//	ports.go         free ports
//	dig.go           queries by dig
//	digyaml.go       reading what dig prints
//	query.go         queries by the thousand
//	example.go       the configurations in examples/corefiles
//	checkers.go      zone files under the eyes of BIND, NSD and Knot
//	tools.go         programs that must be installed
//	wait.go          bounded waits
//	atend.go         what the test binary does last
//
// Package powercut, below, is a filesystem whose power can be cut.
//
// The files bench_*_test.go are the benchmark that compares zonegen with its peers, BenchmarkPeers, which has a row in
// each of them. CI compiles it and does not run it.
//
// Nothing is skipped: a tool that is missing fails the test, with the package that has it.
package e2e
