package publish

import (
	"fmt"
	"maps"
	"slices"
)

// fullShard is how large a shard grows while there may be more of them. A change
// writes the whole shard, so smaller ones cost less.
const fullShard = 256 << 10

// place finds a shard for each new chunk, given the sizes of chunks and shards in
// bytes, keys included. The number of shards is that of used; one that does not
// exist has size 0. Written are the shards that are written anyway: they are
// taken first. Else it is the first that is not full, so that those behind drain
// and go when a zone shrinks; or, when all are full, the smallest with room.
//
// No shard gets larger than [maxConfigMap]. An error means that there is no room,
// and nothing is changed; used and written have the result otherwise.
func place(fresh map[string]int, used []int, written map[int]bool) (map[string]int, error) {
	sizes, touched, homes := slices.Clone(used), maps.Clone(written), make(map[string]int, len(fresh))
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		home := findShard(fresh[name], sizes, touched)
		if home < 0 {
			return nil, fmt.Errorf("%w: %d of them have no room for %d bytes more", errTooLarge, len(used), fresh[name])
		}
		sizes[home] += fresh[name]
		touched[home] = true
		homes[name] = home
	}
	copy(used, sizes)
	maps.Copy(written, touched)
	return homes, nil
}

// findShard returns the shard for one chunk, or -1.
func findShard(chunk int, sizes []int, touched map[int]bool) int {
	free, room := -1, -1
	for i, s := range sizes {
		switch {
		case s == 0 || s+chunk <= fullShard:
			if free < 0 || touched[i] && !touched[free] {
				free = i
			}
		case s+chunk <= maxConfigMap:
			if room < 0 || touched[i] && !touched[room] || touched[i] == touched[room] && s < sizes[room] {
				room = i
			}
		}
	}
	if free >= 0 {
		return free
	}
	return room
}
