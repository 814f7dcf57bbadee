#!/usr/bin/env python3
"""The parts of tools/base_images that need no network: layers, their difference, apt's sources."""

import hashlib
import io
import os
import stat
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from images import debian, layer  # noqa: E402
from images.layout import Layout  # noqa: E402

EPOCH = 1_000_000


class LayerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def tree(self, name, files):
        """A root file system: path → text, None for a folder, ('->', target) for a link."""
        root = self.root / name
        root.mkdir()
        for path, content in files.items():
            full = root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                full.mkdir(exist_ok=True)
            elif isinstance(content, tuple):
                full.symlink_to(content[1])
            else:
                full.write_text(content)
        return str(root)

    def written(self, root, entries, paths, gone=()):
        out = io.BytesIO()
        digest, size = layer.write(root, entries, paths, gone, EPOCH, out)
        self.assertEqual(hashlib.sha256(out.getvalue()).hexdigest(), digest)
        self.assertEqual(len(out.getvalue()), size)
        return out.getvalue()

    def whole(self, root):
        entries = layer.read(root)
        return self.written(root, entries, entries)

    @staticmethod
    def members(data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {one.name: one for one in tar}

    def test_the_same_files_made_at_another_time_in_another_order_give_the_same_bytes(self):
        one = self.tree("one", {"usr/b": "b", "usr/a": "a", "etc/link": ("->", "a")})
        two = self.tree("two", {"etc/link": ("->", "a"), "usr/a": "a", "usr/b": "b"})
        os.utime(os.path.join(two, "usr/a"), (EPOCH + 5, EPOCH + 5))
        self.assertEqual(self.whole(one), self.whole(two))

    def test_other_content_mode_or_target_gives_other_bytes(self):
        base = self.whole(self.tree("base", {"a": "a", "l": ("->", "a")}))
        self.assertNotEqual(base, self.whole(self.tree("b", {"a": "b", "l": ("->", "a")})))
        self.assertNotEqual(base, self.whole(self.tree("c", {"a": "a", "l": ("->", "b")})))
        executable = self.tree("d", {"a": "a", "l": ("->", "a")})
        os.chmod(os.path.join(executable, "a"), 0o755)
        self.assertNotEqual(base, self.whole(executable))

    def test_an_older_time_is_kept(self):
        root = self.tree("root", {"old": "", "new": ""})
        os.utime(os.path.join(root, "old"), (7, 7))
        found = self.members(self.whole(root))
        self.assertEqual((found["old"].mtime, found["new"].mtime), (7, EPOCH))

    def test_what_belongs_to_the_machine_stays_out_and_folders_stay(self):
        root = self.tree("root", {
            "etc/resolv.conf": "x", "etc/apt/sources.list.d/debian.sources": "x", "tmp/x": "x",
            "var/log/dpkg.log": "x", "etc/apt/apt.conf.d/99mmdebstrap": "x", "etc/hostname": "x",
            "usr/share/doc/git/README": "x", "usr/share/doc/git/copyright": "x"})
        found = {name for name, one in self.members(self.whole(root)).items() if not one.isdir()}
        self.assertEqual(found, {"usr/share/doc/git/copyright"})
        self.assertIn("tmp", self.members(self.whole(root)))

    def test_hard_links_are_written_once(self):
        root = self.tree("root", {"a": "text"})
        os.link(os.path.join(root, "a"), os.path.join(root, "b"))
        found = self.members(self.whole(root))
        self.assertTrue(found["b"].islnk())
        self.assertEqual(found["b"].linkname, "a")

    def test_a_difference_has_what_changed_its_folders_and_whiteouts(self):
        lower = self.tree("lower", {"usr/same": "s", "usr/changed": "1", "usr/gone/deep": "x",
                                    "etc/same": "s"})
        upper = self.tree("upper", {"usr/same": "s", "usr/changed": "2", "usr/new/file": "n",
                                    "etc/same": "s"})
        below, above = layer.read(lower), layer.read(upper)
        changed, gone = layer.difference(below, above, EPOCH)
        self.assertEqual(changed, {"usr", "usr/changed", "usr/new", "usr/new/file"})
        self.assertEqual(gone, {"usr/gone"})
        found = self.members(self.written(upper, above, changed, gone))
        self.assertIn("usr/.wh.gone", found)
        self.assertTrue(found["usr"].isdir())

    def test_a_folder_that_became_a_file_is_replaced(self):
        lower = self.tree("lower", {"a/b": "x"})
        upper = self.tree("upper", {"a": "file"})
        changed, gone = layer.difference(layer.read(lower), layer.read(upper), EPOCH)
        self.assertEqual(changed, {"a"})
        self.assertEqual(gone, set())

    def test_a_device_is_refused(self):
        entry = layer.Entry(stat.S_IFCHR, 0o600, 0, 0, "", 0, (0, 0), ())
        with self.assertRaises(ValueError):
            layer.write(str(self.root), {"dev": entry}, ["dev"], (), EPOCH, io.BytesIO())

    def test_a_layout_publishes_whole_images_and_drops_the_rest(self):
        layout = Layout(str(self.root))
        stale = layout.add_json({"stale": 1})[0]
        (self.root / "layer").write_bytes(b"bytes")
        digest = hashlib.sha256(b"bytes").hexdigest()
        layout.add_file(str(self.root / "layer"), digest)
        layout.publish([layout.add_image("a/b", [(digest, 5, "made")], {}, "amd64", EPOCH, {})])
        blobs = set(os.listdir(layout.blobs))
        self.assertIn(digest, blobs)
        self.assertNotIn(stale, blobs)
        self.assertEqual(len(blobs), 3)


class SourcesTest(unittest.TestCase):
    def sources(self, files):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "sources.list.d"))
            for name, text in files.items():
                Path(folder, name).write_text(text)
            return debian.sources("bookworm", folder)

    def test_debians_own_entries_are_taken_in_both_forms(self):
        found = self.sources({
            "sources.list": "# mine\ndeb [signed-by=/k] http://m/debian bookworm main contrib\n",
            "sources.list.d/a.sources": "Types: deb\nURIs: http://m\nSuites: bookworm-security\n"
                                        "Components: main\n"})
        self.assertEqual(len(found), 2)

    def test_vendors_other_suites_and_disabled_ones_are_not(self):
        good = "deb http://m/debian bookworm main\n"
        found = self.sources({
            "sources.list": good + "deb http://v bookworm stable\ndeb http://v trixie main\n"
                                   "deb-src http://m/debian bookworm main\n",
            "sources.list.d/a.sources": "Enabled: no\nTypes: deb\nURIs: http://m\n"
                                        "Suites: bookworm\nComponents: main\n"})
        self.assertEqual(found, [good.strip()])

    def test_no_source_at_all_is_an_error(self):
        with self.assertRaises(SystemExit):
            self.sources({"sources.list": ""})


if __name__ == "__main__":
    unittest.main()
