"""Files and folders as linked blocks: the door to everything of UnixFS.

Ours follow the profile `unixfs-v1-2025` (IPIP-499) exactly, so that `ipfs add -r` with that profile over the same files
gives the same CIDs:

    CIDs      version 1, SHA-256
    files     raw leaves of 1 MiB, 1024 links in a node, all leaves equally deep        `mirror.formats.unixfile`
    folders   sorted by the bytes of the names, never sharded                           `mirror.formats.unixfolder`
    neither   modes, times, symlinks, data inside a node

    the file "hello world"                  bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e
    an empty folder                         bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354

Building takes content or entries and gives blocks; the strict readers (`open_folder`, `read_file` with `strict`) take
exactly what building gives. Other people's trees of any profile are read by `list_folder`, `find`, `resolve` and
`read_file` without it; their sharded folders are in `mirror.formats.hamt`, the blocks themselves in
`mirror.formats.unixnode` and, beneath, `mirror.formats.dagpb`.

**To check a whole tree of ours**, and not only its blocks, walk it from the root: `open_folder` each folder and
compare the Tsize of the link to it with `folder_size`; a raw block's Tsize is its length; compare that of a link to any
other file with `measure_file(…).size`. How deep a tree may be is the
walker's to bound.

Specification: specs.ipfs.tech/unixfs. Out of scope: writing symlinks, shards, modes, times.
"""

from mirror.formats.unixfile import CHUNK, File, FileReader, build_file, measure_file, read_file
from mirror.formats.unixfolder import (
    FOLDER_AT_MOST,
    find,
    folder,
    folder_link,
    folder_size,
    list_folder,
    open_folder,
    open_parsed_folder,
    open_short_folder,
    resolve,
)
from mirror.formats.unixnode import Get, Kind, Link, Node, Put, fetch, parse

__all__ = [
    "CHUNK",
    "FOLDER_AT_MOST",
    "File",
    "FileReader",
    "Get",
    "Kind",
    "Link",
    "Node",
    "Put",
    "build_file",
    "fetch",
    "find",
    "folder",
    "folder_link",
    "folder_size",
    "list_folder",
    "measure_file",
    "open_folder",
    "open_parsed_folder",
    "open_short_folder",
    "parse",
    "read_file",
    "resolve",
]
