package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/lighterman/lighterman/packaging/licence"
)

// boms writes for each platform what its binary is made of, as the binary itself says.
func (r *release) boms(builds []build) error {
	for _, b := range builds {
		data, err := os.ReadFile(b.binary)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		out, err := os.Create(r.file(b.dir + ".cdx.json"))
		if err != nil {
			return err
		}
		err = cdx.NewBOMEncoder(out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(r.bom(b, sum))
		if closed := out.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("cannot write the bill of materials for %s: %w", b.dir, err)
		}
	}
	return nil
}

// bom describes a binary. Its serial number is made of the binary, so that the same one
// has the same.
func (r *release) bom(b build, sum [sha256.Size]byte) *cdx.BOM {
	root := "pkg:golang/github.com/lighterman/lighterman@v" + r.version
	bom := cdx.NewBOM()
	id := sum
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8: made of what it names
	bom.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	bom.Metadata = &cdx.Metadata{
		Timestamp: r.time.Format(time.RFC3339),
		Component: &cdx.Component{
			BOMRef: root, Type: cdx.ComponentTypeApplication, Name: "lighterman", Version: r.version, PackageURL: root,
			Licenses:   licences([]string{"Apache-2.0"}),
			Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}},
			Properties: &[]cdx.Property{{Name: "platform", Value: b.dir}, {Name: "commit", Value: r.revision}},
		},
	}
	var parts []cdx.Component
	var refs []string
	for _, m := range b.modules {
		ref := "pkg:golang/" + m.Path + "@" + m.Version
		if m.Path == licence.Standard {
			ref = "pkg:golang/std@" + m.Version[len("go"):]
		}
		parts = append(parts, cdx.Component{
			BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: ref, Licenses: licences(m.Names),
		})
		refs = append(refs, ref)
	}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: root, Dependencies: &refs}}
	return bom
}

func licences(names []string) *cdx.Licenses {
	var out cdx.Licenses
	for _, name := range names {
		out = append(out, cdx.LicenseChoice{License: &cdx.License{ID: name}})
	}
	return &out
}
