"""Files of strangers that mean harm. What they would do if anybody read them is to make a file."""

import io
import zipfile


def pickle_bomb(marker):
    """A pickle that makes the file `marker` when it is read."""
    return b"\x80\x04cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."


def zipped(members, *, compression=zipfile.ZIP_STORED):
    """A zip archive of named contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def torch_bomb(marker):
    """What torch.save writes, with a pickle inside that makes the file `marker`."""
    return zipped([("archive/data.pkl", pickle_bomb(marker)), ("archive/version", b"3\n")])
