package watch

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// triggerOf returns when the change happened that led to this EndpointSlice, in
// microseconds of Unix time; 0 if it does not say so. Kubernetes' endpoint
// controllers note the time at which the Pod or the Service changed, and what
// copies slices from other clusters may copy the note or not.
//
// A slice may be made long after that, when a service that has not changed is
// exported. Nobody can be late with what does not exist, so its time is then
// that of its creation.
func triggerOf(in *discoveryv1.EndpointSlice) int64 {
	at, err := time.Parse(time.RFC3339Nano, in.Annotations[corev1.EndpointsLastChangeTriggerTime])
	if err != nil {
		return 0
	}
	return max(at.UnixMicro(), in.CreationTimestamp.UnixMicro())
}

// trigger returns when the change happened from an older state of a slice, nil
// if it is new, to s. It is zero if nobody knows: the note may be missing, or
// be that of an earlier change.
func (s *slice) trigger(old *slice) time.Time {
	if s.triggered == 0 || old != nil && s.triggered == old.triggered {
		return time.Time{}
	}
	return time.UnixMicro(s.triggered)
}
