package e2e

import "testing"

// etcdWritten is what etcd says itself that was written into it since it was started, in bytes.
type etcdWritten struct {
	objects float64 // keys and values, as they are stored until they are compacted
	log     float64 // the write-ahead log, which every member of etcd writes to its disk
}

func (a *apiServer) etcdWritten(t testing.TB) etcdWritten {
	t.Helper()
	value := func(series string) float64 {
		v, err := metricValue(a.env.ControlPlane.Etcd.URL.String(), series)
		if err != nil {
			t.Fatal("etcd: ", err)
		}
		return v
	}
	return etcdWritten{value("etcd_debugging_mvcc_total_put_size_in_bytes"), value("etcd_disk_wal_write_bytes_total")}
}

func (w etcdWritten) since(before etcdWritten) etcdWritten {
	return etcdWritten{w.objects - before.objects, w.log - before.log}
}
