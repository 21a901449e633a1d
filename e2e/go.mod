module github.com/clusterset-dns/zonegen/e2e

go 1.26.0

require (
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/mod v0.37.0
)
