// The provisioner of the local cluster's two StorageClasses. For each claim it makes
// a directory that any user may write to and a PersistentVolume bound to the claim;
// a class with the parameter `tmpfs: 8Mi` puts a file system of that size there, so
// that a volume can be full. A released volume is removed with what is in it. A
// repeat changes nothing; what failed is tried again at the next resync.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	provisionerName      = "migration-operator.test/local"
	provisionedBy        = "pv.kubernetes.io/provisioned-by"
	resync               = 3 * time.Second
	everyoneMayWrite     = 0o777
	tmpfsParameter       = "tmpfs"
	provisionerComponent = "local-provisioner"
)

type provisioner struct {
	client    kubernetes.Interface
	directory string
}

func newProvisionerCommand() *cobra.Command {
	var kubeconfig, directory string
	command := &cobra.Command{
		Use: provisionerComponent,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			(&provisioner{client: client, directory: directory}).run(command.Context())
			return nil
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&directory, "directory", "", "where the volumes are kept")
	return command
}

func (p *provisioner) run(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(p.client, resync)
	watch(factory.Core().V1().PersistentVolumeClaims().Informer(), func(object any) error {
		return p.provision(ctx, object.(*core.PersistentVolumeClaim))
	})
	watch(factory.Core().V1().PersistentVolumes().Informer(), func(object any) error {
		return p.reclaim(ctx, object.(*core.PersistentVolume))
	})
	factory.Start(ctx.Done())
	select {}
}

func watch(informer cache.SharedIndexInformer, handle func(object any) error) {
	report := func(object any) {
		if err := handle(object); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    report,
		UpdateFunc: func(_, object any) { report(object) },
	})
	if err != nil {
		panic(err)
	}
}

func (p *provisioner) provision(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	if claim.Spec.VolumeName != "" || claim.Spec.StorageClassName == nil || claim.DeletionTimestamp != nil {
		return nil
	}
	class, err := p.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, meta.GetOptions{})
	if errors.IsNotFound(err) || (err == nil && class.Provisioner != provisionerName) {
		return nil
	} else if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(p.directory, name)
	if err := makeDirectory(path, class.Parameters[tmpfsParameter]); err != nil {
		return err
	}
	directory := core.HostPathDirectory
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: core.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			StorageClassName:              class.Name,
			PersistentVolumeSource:        core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: path, Type: &directory}},
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func makeDirectory(path, tmpfsSize string) error {
	if err := os.Mkdir(path, everyoneMayWrite); os.IsExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	if tmpfsSize != "" {
		size, err := resource.ParseQuantity(tmpfsSize)
		if err != nil {
			return err
		}
		options := fmt.Sprintf("size=%d,mode=0777", size.Value())
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
			_ = os.Remove(path)
			return err
		}
	}
	return os.Chmod(path, everyoneMayWrite)
}

func (p *provisioner) reclaim(ctx context.Context, volume *core.PersistentVolume) error {
	isOurs := volume.Annotations[provisionedBy] == provisionerName
	isReleased := volume.Status.Phase == core.VolumeReleased
	if !isOurs || !isReleased || volume.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete {
		return nil
	}
	path := filepath.Join(p.directory, volume.Name)
	_ = syscall.Unmount(path, syscall.MNT_DETACH)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}
