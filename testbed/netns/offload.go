package netns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands and sizes of linux/ethtool.h that golang.org/x/sys does not name.
const (
	ethtoolGetStrings    = 0x1b // ETHTOOL_GSTRINGS
	ethtoolGetStringInfo = 0x37 // ETHTOOL_GSSET_INFO
	ethtoolSetFeatures   = 0x3b // ETHTOOL_SFEATURES
	featureStrings       = 4    // ETH_SS_FEATURES
	featureNameLength    = 32   // ETH_GSTRING_LEN
)

// trainFeatures are the features by which several packets cross a link as one, as the
// kernel names them: prefixes of "tx-tcp6-segmentation", "rx-gro-list" and their kind.
var trainFeatures = []string{"tx-tcp", "tx-udp-segmentation", "tx-generic-segmentation", "tx-gso-", "rx-gro", "rx-udp-gro-"}

// checksumFeatures are those by which a packet crosses a link before its checksum is computed.
var checksumFeatures = []string{"tx-checksum-"}

// offloadsOff makes an interface of the calling thread's namespace send and take each packet
// as a packet.
func offloadsOff(name string) error { return featuresOff(name, trainFeatures) }

// cableLike makes an interface of the calling thread's namespace send and take what a cable would
// carry: each packet as a packet, complete with its checksum.
func cableLike(name string) error {
	return featuresOff(name, slices.Concat(trainFeatures, checksumFeatures))
}

// featuresOff switches off those features of an interface whose names have one of the prefixes.
func featuresOff(name string, prefixes []string) error {
	if err := setOff(name, prefixes); err != nil {
		return fmt.Errorf("switching offloads of %s off: %w", name, err)
	}
	return nil
}

func setOff(name string, prefixes []string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)

	// struct ethtool_sset_info: command, reserved, mask (64 bits), one count.
	info := make([]byte, 20)
	binary.NativeEndian.PutUint32(info[0:], ethtoolGetStringInfo)
	binary.NativeEndian.PutUint64(info[8:], 1<<featureStrings)
	if err := ethtool(fd, name, info); err != nil {
		return err
	}
	count := int(binary.NativeEndian.Uint32(info[16:]))
	if count == 0 || count > 1024 {
		return fmt.Errorf("the kernel names %d features", count)
	}

	// struct ethtool_gstrings: command, set, count, names.
	names := make([]byte, 12+count*featureNameLength)
	binary.NativeEndian.PutUint32(names[0:], ethtoolGetStrings)
	binary.NativeEndian.PutUint32(names[4:], featureStrings)
	binary.NativeEndian.PutUint32(names[8:], uint32(count))
	if err := ethtool(fd, name, names); err != nil {
		return err
	}

	// struct ethtool_sfeatures: command, number of blocks, for each block of 32 features
	// those to change and their new values, which are all 0 here.
	blocks := (count + 31) / 32
	set := make([]byte, 8+8*blocks)
	binary.NativeEndian.PutUint32(set[0:], ethtoolSetFeatures)
	binary.NativeEndian.PutUint32(set[4:], uint32(blocks))
	for i := range count {
		feature := names[12+i*featureNameLength:][:featureNameLength]
		if feature, _, _ := bytes.Cut(feature, []byte{0}); hasPrefix(string(feature), prefixes) {
			change := set[8+8*(i/32):]
			binary.NativeEndian.PutUint32(change, binary.NativeEndian.Uint32(change)|1<<(i%32))
		}
	}
	return ethtool(fd, name, set)
}

func hasPrefix(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// ethtool hands a command to the driver of an interface, which answers in its memory.
func ethtool(fd int, name string, command []byte) error {
	var request struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	request.data = unsafe.Pointer(unsafe.SliceData(command))
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(command)
	if errno != 0 {
		return errno
	}
	return nil
}
