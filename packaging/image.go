package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	docker "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// image is that of one platform: its blobs, and the descriptor of its manifest.
type image struct {
	manifest oci.Descriptor
	blobs    []entry
	// config and layer are the names of blobs, for Docker's own format.
	config, layer string
}

// images writes an image for each platform, in a file that is both a layout of OCI and
// what docker load has always taken; and one layout with all platforms.
func (r *release) images(builds []build) error {
	var all []oci.Descriptor
	var blobs []entry
	for _, b := range builds {
		i, err := r.image(b)
		if err != nil {
			return fmt.Errorf("cannot make the image for %s: %w", b.dir, err)
		}
		tags := []string{"lighterman:" + r.version, "lighterman:latest"}
		archive, err := json.Marshal([]map[string]any{{"Config": i.config, "RepoTags": tags, "Layers": []string{i.layer}}})
		if err != nil {
			return err
		}
		named := i.manifest
		named.Annotations = r.reference()
		if err := r.layout(r.file("image_"+b.dir+".tar"), []oci.Descriptor{named}, append(i.blobs, entry{"manifest.json", 0o644, archive})); err != nil {
			return err
		}
		all, blobs = append(all, i.manifest), append(blobs, i.blobs...)
	}
	index, blob, err := r.blob(oci.MediaTypeImageIndex, oci.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: all, Annotations: r.labels(),
	})
	if err != nil {
		return err
	}
	index.Annotations = r.reference()
	return r.layout(r.file("image.tar"), []oci.Descriptor{index}, append(blobs, blob))
}

// image makes the image of a platform.
func (r *release) image(b build) (*image, error) {
	layer, err := r.layer(b)
	if err != nil {
		return nil, err
	}
	data, err := zipped(layer)
	if err != nil {
		return nil, err
	}
	layerAt, layerBlob := described(oci.MediaTypeImageLayerGzip, data)
	config := docker.DockerOCIImage{
		Image: oci.Image{
			Created: &r.time, Platform: oci.Platform{OS: "linux", Architecture: b.arch, Variant: b.variant},
			RootFS:  oci.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
			History: []oci.History{{Created: &r.time, CreatedBy: "make release"}},
		},
		Config: docker.DockerOCIImageConfig{
			ImageConfig: oci.ImageConfig{
				Entrypoint: []string{"/lighterman"}, Cmd: []string{"run"},
				Labels: r.labels(), ExposedPorts: map[string]struct{}{"9177/tcp": {}},
				Volumes: map[string]struct{}{"/var/lib/lighterman": {}}, WorkingDir: "/",
			},
			DockerOCIImageConfigExt: docker.DockerOCIImageConfigExt{Healthcheck: &docker.HealthcheckConfig{
				Test: []string{"CMD", "/lighterman", "health"}, Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 20 * time.Second, Retries: 3,
			}},
		},
	}
	configAt, configBlob, err := r.blob(oci.MediaTypeImageConfig, config)
	if err != nil {
		return nil, err
	}
	manifest, manifestBlob, err := r.blob(oci.MediaTypeImageManifest, oci.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageManifest,
		Config: configAt, Layers: []oci.Descriptor{layerAt}, Annotations: r.labels(),
	})
	if err != nil {
		return nil, err
	}
	manifest.Platform = &config.Platform
	return &image{manifest: manifest, blobs: []entry{layerBlob, configBlob, manifestBlob}, config: configBlob.name, layer: layerBlob.name}, nil
}

// layer is the file system of an image, a tar.
func (r *release) layer(b build) ([]byte, error) {
	authorities, err := authorities()
	if err != nil {
		return nil, err
	}
	entries := []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities},
	}
	for _, f := range []struct {
		name string
		mode int64
		file string
	}{{"lighterman", 0o755, b.binary}, {"copyright", 0o644, b.copyright}} {
		e, err := from(f.name, f.mode, f.file)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	entries = append(entries, entry{name: "var/", mode: 0o755}, entry{name: "var/lib/", mode: 0o755}, entry{name: "var/lib/lighterman/", mode: 0o700})
	var out bytes.Buffer
	err = writeTar(&out, entries, r.time)
	return out.Bytes(), err
}

// authorities are those that Mozilla trusts to identify servers, as Go's own team hands
// them on: what is in go.sum, and not what is on the machine that builds. Those that are
// trusted with a condition are left out, as a file cannot say it.
func authorities() ([]byte, error) {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func (r *release) labels() map[string]string {
	return map[string]string{
		oci.AnnotationTitle:       "lighterman",
		oci.AnnotationDescription: "Carries the log of every container to Grafana Loki",
		oci.AnnotationVersion:     r.version,
		oci.AnnotationRevision:    r.revision,
		oci.AnnotationCreated:     r.time.Format(time.RFC3339),
		oci.AnnotationLicenses:    "Apache-2.0",
	}
}

// reference is the name of an image in a layout: that of OCI, and that of containerd.
func (r *release) reference() map[string]string {
	return map[string]string{oci.AnnotationRefName: r.version, "io.containerd.image.name": "docker.io/library/lighterman:" + r.version}
}

// blob is a document of an image.
func (r *release) blob(kind string, document any) (oci.Descriptor, entry, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return oci.Descriptor{}, entry{}, err
	}
	at, blob := described(kind, data)
	return at, blob, nil
}

func described(kind string, data []byte) (oci.Descriptor, entry) {
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	return oci.Descriptor{MediaType: kind, Digest: digest.NewDigestFromEncoded(digest.SHA256, sum), Size: int64(len(data))},
		entry{filepath.Join(oci.ImageBlobsDir, "sha256", sum), 0o644, data}
}

// layout writes a layout of OCI as a tar.
func (r *release) layout(file string, manifests []oci.Descriptor, blobs []entry) error {
	index, err := json.Marshal(oci.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: manifests})
	if err != nil {
		return err
	}
	version, err := json.Marshal(oci.ImageLayout{Version: oci.ImageLayoutVersion})
	if err != nil {
		return err
	}
	entries := append([]entry{
		{oci.ImageLayoutFile, 0o644, version}, {oci.ImageIndexFile, 0o644, index},
		{name: "blobs/", mode: 0o755}, {name: "blobs/sha256/", mode: 0o755},
	}, blobs...)
	var out bytes.Buffer
	if err := writeTar(&out, entries, r.time); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}
