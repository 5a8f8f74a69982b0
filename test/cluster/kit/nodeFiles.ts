// The configuration files of a node: containerd, its network plugins, the kubelet, DNS
// and the StorageClasses. Only what differs from the defaults, with the reason.

import { join } from 'node:path';

export interface NodePlace {
  readonly directory: string;
  readonly address: string;
  readonly podSubnet: string;
  readonly cgroup: string;
}

export const pauseImage = 'localhost/pause:1';
export const containerdSocket = (directory: string) => join(directory, 'containerd', 'containerd.sock');

export function containerdConfig({ directory }: NodePlace): string {
  return `version = 2
root = "${directory}/containerd/root"
state = "${directory}/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]

[grpc]
  address = "${containerdSocket(directory)}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Lowering it needs a capability that root in a container or a small VM may lack.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${directory}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
}

/** Point to point: all traffic of Pods is routed, so Services need no netfilter on a bridge. */
export function networkConfig({ directory, podSubnet }: NodePlace): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: true,
        ipam: {
          type: 'host-local',
          dataDir: join(directory, 'cni-addresses'),
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

export function kubeletConfig({ directory, address, cgroup }: NodePlace): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    // Reachable from this host only, and thrown away with the cluster.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    clusterDNS: [address],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${containerdSocket(directory)}`,
    enforceNodeAllocatable: ['none'],
    // The host's disk and memory are not ours to judge: a Pod evicted or an image collected for them fails a test.
    evictionHard: {
      'memory.available': '10Mi',
      'nodefs.available': '0%',
      'imagefs.available': '0%',
      'nodefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    maxPods: 250,
    podLogsDir: join(directory, 'pod-logs'),
    resolvConf: join(directory, 'resolv.conf'),
    serializeImagePulls: false,
    volumePluginDir: join(directory, 'volume-plugins'),
  };
}

/** Pods have no internet, so a name outside of the cluster is answered at once: there is none. */
export function corefile(address: string, kubeconfig: string): string {
  return `cluster.local in-addr.arpa {
  bind ${address}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig}
    ttl 1
  }
}
. {
  bind ${address}
  errors
  ready ${address}:8181
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;
}

const provisioner = 'migration-operator.test/local'; // go/provisioner.go

/** `local` for everybody, writable by any user; `tiny` is soon full. */
export const storageClasses = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'tiny' },
      provisioner,
      parameters: { tmpfs: '8Mi' },
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    },
  ],
};
