// Command verify judges a mirror's log with the Go project's own libraries for signed notes and tiled logs.
//
//	verify log VKEY TREE [OLDER]    TREE: an edition as plain files; OLDER: an earlier one
//	verify one VKEY FOLDER          FOLDER: note.txt and note.tlog-proof, as `mirror export --one` writes them
//
// It shares nothing with the Python program but the formats. It says what it found in one line and exits with 0, or
// why it does not believe it and exits with 1. Withdrawn notes may be absent; that their withdrawal is listed is not
// checked here, nor what the notes say.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8 // of every C2SP log; entries in a bundle: 1 << tileHeight

func main() {
	log.SetFlags(0)
	log.SetPrefix("verify: ")
	judge := map[string]func(note.Verifier, []string) (string, error){"log": judgeLog, "one": judgeOne}
	if len(os.Args) < 4 || judge[os.Args[1]] == nil {
		log.Fatal("usage: verify log VKEY TREE [OLDER] | verify one VKEY FOLDER")
	}
	key, err := note.NewVerifier(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	found, err := judge[os.Args[1]](key, os.Args[3:])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found)
}

func judgeLog(key note.Verifier, folders []string) (string, error) {
	here := folder(folders[0])
	now, err := readCheckpoint(key, here.path("checkpoint"))
	if err != nil {
		return "", err
	}
	hashes := tlog.TileHashReader(now, here)
	notes, err := checkEntries(key, here, now, hashes)
	if err != nil {
		return "", err
	}
	found := fmt.Sprintf("%d entries included, %d notes", now.N, notes)
	for _, older := range folders[1:] {
		then, err := readCheckpoint(key, folder(older).path("checkpoint"))
		if err != nil {
			return "", err
		}
		if err := checkContinues(then, now, hashes); err != nil {
			return "", fmt.Errorf("size %d does not continue size %d: %w", now.N, then.N, err)
		}
		found += fmt.Sprintf(", continues %d", then.N)
	}
	return found, nil
}

func judgeOne(key note.Verifier, folders []string) (string, error) {
	here := folder(folders[0])
	text, err := os.ReadFile(here.path("note.txt"))
	if err != nil {
		return "", err
	}
	entry, err := entryOf(key, text)
	if err != nil {
		return "", err
	}
	file, err := os.ReadFile(here.path("note.tlog-proof"))
	if err != nil {
		return "", err
	}
	head, signed, _ := strings.Cut(string(file), "\n\n")
	now, err := openCheckpoint(key, []byte(signed))
	if err != nil {
		return "", err
	}
	index, proof, err := parseProof(head)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(proof, now.N, now.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d of %d: %s", index, now.N, entry), nil
}

// checkEntries proves every entry of the bundles to be in the tree, and every note that is here to be its entry's.
func checkEntries(key note.Verifier, here folder, now tlog.Tree, hashes tlog.HashReader) (notes int, err error) {
	for index := int64(0); index < now.N; {
		bundle, err := here.readBundle(index>>tileHeight, now.N)
		if err != nil {
			return 0, err
		}
		for _, entry := range bundle {
			proof, err := tlog.ProveRecord(now.N, index, hashes)
			if err == nil {
				err = tlog.CheckRecord(proof, now.N, now.Hash, index, tlog.RecordHash(entry))
			}
			if err != nil {
				return 0, fmt.Errorf("entry %d: %w", index, err)
			}
			present, err := checkNote(key, here, index, entry)
			if err != nil {
				return 0, fmt.Errorf("note %d: %w", index, err)
			}
			if present {
				notes++
			}
			index++
		}
	}
	return notes, nil
}

func checkNote(key note.Verifier, here folder, index int64, entry []byte) (present bool, err error) {
	pairs := fmt.Sprintf("%08d", index)
	text, err := os.ReadFile(here.path("note", pairs[:2], pairs[2:4], pairs[4:6], pairs[6:]+".txt"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rebuilt, err := entryOf(key, text)
	if err == nil && !bytes.Equal(rebuilt, entry) {
		err = fmt.Errorf("it is %q, and listed is %q", rebuilt, entry)
	}
	return true, err
}

// entryOf rebuilds the line that lists a note, after opening the note.
func entryOf(key note.Verifier, signed []byte) ([]byte, error) {
	opened, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return nil, err
	}
	headers, _, _ := strings.Cut(opened.Text, "\n\n")
	digest := sha256.Sum256(signed)
	cid := append([]byte{0x01, 0x55, 0x12, 0x20}, digest[:]...) // version 1, raw, SHA-256, 32 bytes
	entry := ""
	for _, line := range strings.Split(headers, "\n") {
		if kind, ok := strings.CutPrefix(line, "mirror/v1 "); ok {
			entry = kind + " b" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(cid))
		}
		if token, ok := strings.CutPrefix(line, "Withdrawal: "); ok {
			entry += " " + token
		}
	}
	return []byte(entry), nil
}

func parseProof(head string) (index int64, proof tlog.RecordProof, err error) {
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, errors.New("not a proof")
	}
	if _, err := fmt.Sscanf(lines[1], "index %d", &index); err != nil {
		return 0, nil, err
	}
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, err
		}
		proof = append(proof, hash)
	}
	return index, proof, nil
}

func checkContinues(then, now tlog.Tree, hashes tlog.HashReader) error {
	proof, err := tlog.ProveTree(now.N, then.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, now.N, now.Hash, then.N, then.Hash)
}

func readCheckpoint(key note.Verifier, path string) (tlog.Tree, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return openCheckpoint(key, signed)
}

// openCheckpoint reads a C2SP checkpoint with the parser for Go's own, whose first line is always the same.
func openCheckpoint(key note.Verifier, signed []byte) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	rest, ok := strings.CutPrefix(opened.Text, key.Name()+"\n")
	if !ok {
		return tlog.Tree{}, errors.New("checkpoint: it is another log's")
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// folder is a tree laid out as plain files. It is a tlog.TileReader.
type folder string

func (f folder) path(names ...string) string {
	return filepath.Join(append([]string{string(f)}, names...)...)
}

func (f folder) Height() int { return tileHeight }

// ReadTiles reads tiles from where C2SP lays them: as Go does, but that the height is not in the path.
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		read, err := os.ReadFile(f.path(strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		data = append(data, read)
	}
	return data, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// readBundle reads the entries number n*256 and up of a log of this size.
func (f folder) readBundle(n, size int64) (entries [][]byte, err error) {
	width := min(size-n<<tileHeight, 1<<tileHeight)
	path := tlog.Tile{H: tileHeight, L: -1, N: n, W: int(width)}.Path()
	data, err := os.ReadFile(f.path(strings.Replace(path, "tile/8/data/", "tile/entries/", 1)))
	if err != nil {
		return nil, err
	}
	for len(data) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(data))
		if end > len(data) {
			break
		}
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(data) > 0 || int64(len(entries)) != width {
		return nil, fmt.Errorf("%s does not hold %d whole entries", path, width)
	}
	return entries, nil
}
