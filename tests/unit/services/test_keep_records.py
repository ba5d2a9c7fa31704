from netbilld.services.keep_records import LONGEST_NAME, safe_name


def test_a_name_is_no_path_breaks_no_header_and_ends_as_what_it_is() -> None:
    for written, kept in (
        ("kontrak.pdf", "kontrak.pdf"),
        ("foto rumah.JPEG", "foto rumah.jpg"),
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\x\\ktp.png", "ktp.png"),
        ('a"b\r\nSet-Cookie: x.png', "abSet-Cookie x.png"),
        ("setup.exe", "setup.png"),
        ("", "file.png"),
        ("...", "file.png"),
        (".htaccess", "htaccess.png"),
        ("\u202egnp.exe", "gnp.png"),
    ):
        assert safe_name(written, kept.rsplit(".", 1)[1]) == kept, written
    assert len(safe_name("x" * 500, "png")) <= LONGEST_NAME
