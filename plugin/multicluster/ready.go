package multicluster

// Ready implements the ready.Readiness interface. It is true once every zone has
// loaded, and stays so.
func (z *zones) Ready() bool {
	for _, zone := range z.zones {
		if zone.current.Load() == nil {
			return false
		}
	}
	return true
}
