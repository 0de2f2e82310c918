"""torchvision's own classes against small archives in the official format, on loopback."""

import gzip
import hashlib
import http.server
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import torchvision.datasets as tv

from kdutils import reproduce
from kdutils.data.__main__ import main
from kdutils.data.download import download
from kdutils.data.prepared import read_prepared
from kdutils.experiments import EXPERIMENTS
from kdutils.experiments.records import read_runs


def idx(array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def mnist_archives(rng):
    images, labels = rng.integers(0, 256, (30, 28, 28), np.uint8), rng.integers(0, 10, 30, np.uint8)
    return {
        "train-images-idx3-ubyte.gz": idx(images[:20]),
        "train-labels-idx1-ubyte.gz": idx(labels[:20]),
        "t10k-images-idx3-ubyte.gz": idx(images[20:]),
        "t10k-labels-idx1-ubyte.gz": idx(labels[20:]),
    }, (images, labels)


def cifar_archives(rng):
    images = rng.integers(0, 256, (6, 4, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, (6, 4), np.uint8)
    buffer, members = io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
        for name, x, y in zip(names, images, labels, strict=True):
            content = {"data": x.transpose(0, 3, 1, 2).reshape(4, -1), "labels": y.tolist()}
            members[name] = pickle.dumps(content)
        members["batches.meta"] = pickle.dumps({"label_names": list("0123456789")})
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in members.items()}
    return {"cifar-10-python.tar.gz": buffer.getvalue()}, (images, labels), md5


def svhn_archives(rng):
    images, files = rng.integers(0, 256, (30, 32, 32, 3), np.uint8), {}
    labels = np.resize(np.arange(10, dtype=np.uint8), 30)
    for name, part in (("train", slice(20)), ("test", slice(20, 30))):
        buffer = io.BytesIO()
        y = np.where(labels[part] == 0, 10, labels[part])[:, None]  # the file calls digit 0 "10"
        scipy.io.savemat(buffer, {"X": images[part].transpose(1, 2, 3, 0), "y": y})
        files[f"{name}_32x32.mat"] = buffer.getvalue()
    return files, (images, labels)


class Server:
    """Serves ``files`` on loopback and remembers what was asked for."""

    def __init__(self):
        self.files, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rsplit("/", 1)[-1]
                outer.asked.append(name)
                if name not in outer.files:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(outer.files[name])))
                self.end_headers()
                self.wfile.write(outer.files[name])

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """All three data sets, served; torchvision's and our checksums are those of what it serves."""
    rng, server = np.random.default_rng(0), Server()
    mnist, server.mnist = mnist_archives(rng)
    cifar, server.cifar10, members = cifar_archives(rng)
    svhn, server.svhn = svhn_archives(rng)
    server.files = {**mnist, **cifar, **svhn}
    monkeypatch.setattr(tv.MNIST, "mirrors", [server.url])
    monkeypatch.setattr(tv.MNIST, "resources", [(n, md5(c)) for n, c in mnist.items()])
    name = "cifar-10-python.tar.gz"
    monkeypatch.setattr(tv.CIFAR10, "url", server.url + name)
    monkeypatch.setattr(tv.CIFAR10, "tgz_md5", md5(cifar[name]))
    batches = [[f"data_batch_{i}", members[f"data_batch_{i}"]] for i in range(1, 6)]
    monkeypatch.setattr(tv.CIFAR10, "train_list", batches)
    monkeypatch.setattr(tv.CIFAR10, "test_list", [["test_batch", members["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": members["batches.meta"]}
    monkeypatch.setattr(tv.CIFAR10, "meta", meta)
    parts = {
        part: [f"{server.url}{part}_32x32.mat", f"{part}_32x32.mat", md5(svhn[f"{part}_32x32.mat"])]
        for part in ("train", "test")
    }
    monkeypatch.setattr(tv.SVHN, "split_list", parts)
    monkeypatch.delenv("KDUTILS_UNVERIFIED", raising=False)
    monkeypatch.setattr("kdutils.data.prepared.CHECKSUMS", {})
    yield server
    server.close()


def test_svhn10k_is_the_beginning_of_the_test_file_cut_in_two(server, tmp_path, monkeypatch):
    monkeypatch.setattr("kdutils.data.download.SVHN10K", (9, 6))
    images, labels = (array[20:] for array in server.svhn)
    with np.load(download("svhn10k", tmp_path)) as arrays:
        assert np.array_equal(arrays["train_images"], images[:6])
        assert np.array_equal(arrays["test_images"], images[6:9])
        assert np.array_equal(arrays["test_labels"], labels[6:9])
    assert set(server.asked) == {"test_32x32.mat"}


def test_the_homework_runs_on_the_official_files(server, tmp_path, monkeypatch, capsys, snapshots):
    monkeypatch.setenv("KDUTILS_DATA", str(tmp_path))
    command = ["08_quantized_svhn", "--dataset", "svhn", "--folder", str(tmp_path / "checkpoints")]
    with pytest.raises(FileNotFoundError, match=r"no svhn.npz in .*kdutils.data svhn"):
        reproduce.main(command)
    assert main(["svhn", "--folder", str(tmp_path)]) == 0
    names = ["teacher", "full", "q3-t4", "q3-t4-packed"]
    short = [
        replace(r, training=r.training and replace(r.training, epochs=1, batch_size=4))
        for r in EXPERIMENTS["08_quantized_svhn"]
        if r.run in names
    ]
    monkeypatch.setitem(EXPERIMENTS, "08_quantized_svhn", tuple(short))
    assert reproduce.main([*command, "--seeds", "1", "--workers", "1"]) == 0
    table = read_runs("08_quantized_svhn", tmp_path / "checkpoints", dataset="svhn")
    assert set(table["run"]) == set(names) and set(table["dataset"]) == {"svhn"}
    assert set(table["test_n"]) == {10} and table["test_errors"].notna().all()


@pytest.mark.parametrize("name", ["mnist", "cifar10", "svhn"])
def test_good_archives_become_a_prepared_file(server, tmp_path, name):
    path = download(name, tmp_path)
    images, labels = (
        a.reshape(-1, *a.shape[2:]) if name == "cifar10" else a for a in getattr(server, name)
    )
    with np.load(path) as arrays:
        both = [
            np.concatenate([arrays[f"{p}_{w}"] for p in ("train", "test")])
            for w in ("images", "labels")
        ]
    assert np.array_equal(both[0], images) and np.array_equal(both[1], labels.ravel())
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [f"{name}.npz"]
    asked = len(server.asked)
    assert download(name, tmp_path) == path and len(server.asked) == asked
    assert read_prepared(path, name)[2] == str(path)  # verified


def test_archives_that_are_unpacked_otherwise_than_ours_are_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr("kdutils.data.prepared.CHECKSUMS", {"mnist": "of the real files"})
    with pytest.raises(ValueError, match="holds other arrays than the mnist of the recorded runs"):
        download("mnist", tmp_path)
    assert not (tmp_path / "mnist.npz").exists()
    monkeypatch.setenv("KDUTILS_UNVERIFIED", "1")
    assert read_prepared(download("mnist", tmp_path), "mnist")[2].endswith("mnist.npz (unverified)")


def test_a_damaged_prepared_file_is_named_and_left(server, tmp_path, capsys):
    path = download("svhn", tmp_path)
    path.write_bytes(path.read_bytes()[:-70])
    assert main(["svhn", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "Delete it and get it anew with: python -m kdutils.data svhn" in message
    path.unlink()
    assert main(["svhn", "--folder", str(tmp_path)]) == 0


def test_wrong_checksum_is_refused_and_a_second_run_mends_it(server, tmp_path):
    name = "t10k-labels-idx1-ubyte.gz"
    good = server.files[name]
    server.files[name] = gzip.compress(b"something else")
    with pytest.raises(RuntimeError, match=r"could not download mnist \(11 MB\).*(?s:.)*corrupted"):
        download("mnist", tmp_path)
    assert not (tmp_path / "mnist.npz").exists()
    server.files[name], server.asked = good, []
    download("mnist", tmp_path)
    assert set(server.asked) == {name}  # what had arrived whole is not asked for again


@pytest.mark.parametrize("name", ["mnist", "cifar10", "svhn"])
def test_truncated_archive_is_refused(server, tmp_path, name):
    server.files = {key: content[: len(content) // 2] for key, content in server.files.items()}
    with pytest.raises(RuntimeError, match=f"could not download {name}"):
        download(name, tmp_path)
    assert not (tmp_path / f"{name}.npz").exists()


def test_a_file_torn_while_it_was_unpacked_is_unpacked_again(server, tmp_path):
    raw = tmp_path / "downloads" / "mnist"
    tv.MNIST(raw, download=True)
    torn = raw / "MNIST" / "raw" / "train-images-idx3-ubyte"
    torn.write_bytes(torn.read_bytes()[:1000])
    server.asked = []
    with np.load(download("mnist", tmp_path)) as arrays:
        assert np.array_equal(arrays["train_images"], server.mnist[0][:20])
    assert server.asked == []


def test_server_down_says_what_to_do(server, tmp_path, capsys):
    server.close()
    assert main(["mnist", "svhn", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "could not download mnist (11 MB)" in message and server.url in message
    assert "python -m kdutils.data svhn" in message


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="got 'imagenet'"):
        download("imagenet", tmp_path)
    command = [sys.executable, "-m", "kdutils.data", "imagenet"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2 and "invalid choice: 'imagenet'" in result.stderr
