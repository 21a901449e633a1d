package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// containerScript gets a root folder to make, the program and its path in there, chroot with its options, and the mounts
// up to "--": folder, path, and rw or ro. The rest is the environment and the command.
const containerScript = `set -e
root=$1 program=$2 path=$3 chroot=$4 user=$5; shift 5
mkdir -p "$root/proc"
cp "$program" "$root$path"
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
	if [ "$3" = ro ]; then mount -o remount,bind,ro "$root$2"; fi
	shift 3
done
shift
mount -o remount,bind,ro "$root"
environment=$1; shift
exec setpriv --no-new-privs env -i $environment "$chroot" $user "$root" "$@"`

// runContainer runs a container of the Pod as one of our image: nothing is there but the program and the volumes, the root
// cannot be written, and if the test is root's, the user is the Pod's, who has no capability. It shares the network of this
// machine, so it may need more arguments.
func (v *podVolumes) runContainer(name string, more ...string) *process {
	v.t.Helper()
	i := slices.IndexFunc(v.pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		v.t.Fatalf("the Pod %s has no container %s", v.pod.Name, name)
	}
	container := v.pod.Spec.Containers[i]
	environment, variables := v.environment(container)
	command := container.Command
	if command == nil && strings.Contains(container.Image, "/coredns/coredns:") {
		command = []string{"/coredns"} // the entry point of that image
	}
	for _, arg := range container.Args {
		command = append(command, variables.Replace(arg))
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "--userspec=65532:65532" // that of the images
		if as := v.pod.Spec.SecurityContext; as != nil && as.RunAsUser != nil {
			user = fmt.Sprintf("--userspec=%d:%d", *as.RunAsUser, *as.RunAsGroup)
		}
	}
	args := []string{
		filepath.Join(v.t.TempDir(), "root"), filepath.Join(dist(v.t), command[0]), command[0],
		tool(v.t, "chroot", "coreutils"), user,
	}
	for _, mount := range container.VolumeMounts {
		mode := "rw"
		if mount.ReadOnly {
			mode = "ro"
		}
		args = append(args, v.folder(mount.Name), mount.MountPath, mode)
	}
	args = append(args, "--", environment)
	p := runAlone(v.t, containerScript, slices.Concat(args, command, more)...)
	p.name = name
	return p
}

// environment is that of a container, and what replaces $(NAME) in its arguments.
func (v *podVolumes) environment(container corev1.Container) (string, *strings.Replacer) {
	v.t.Helper()
	host, port, err := net.SplitHostPort(v.api.address())
	if err != nil {
		v.t.Fatal(err)
	}
	environment := append([]string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}, v.env...)
	var replacements []string
	for _, e := range container.Env {
		value := e.Value
		if e.ValueFrom != nil {
			if value, err = valueFrom(v.pod, container, e.ValueFrom); err != nil {
				v.t.Fatal(err)
			}
		}
		environment = append(environment, e.Name+"="+value)
		replacements = append(replacements, "$("+e.Name+")", value)
	}
	return strings.Join(environment, " "), strings.NewReplacer(replacements...)
}

// valueFrom is the value of a variable that is a field of the Pod or a limit of the container.
func valueFrom(pod *corev1.Pod, container corev1.Container, from *corev1.EnvVarSource) (string, error) {
	switch {
	case from.FieldRef != nil:
		return podField(pod, from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil && from.ResourceFieldRef.Resource == "limits.memory":
		return fmt.Sprint(container.Resources.Limits.Memory().Value()), nil
	}
	return "", fmt.Errorf("what is this? %v", from)
}
