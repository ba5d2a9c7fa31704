"""What `explain` says in Indonesian, by cause; netbilld.services.explain_words puts the figures in."""

from typing import Final

from netbilld.services.explain_english import Words

INDONESIAN: Final[dict[str, Words]] = {
    "no_service": Words(("Tidak diperiksa: nama ini bukan milik siapa pun.",)),
    # account
    "account_ok": Words(("Layanan aktif",), ()),
    "unknown_user": Words(
        (
            "Tidak ada pelanggan dengan nama login {username}.",
            " Terakhir dicoba {at}",
            " lewat {nas}.",
            " Mungkin maksudnya: {similar}?",
        ),
        ("Perbaiki nama di modem, atau buat akunnya dengan `netbilld subscriber add`.",),
    ),
    "voucher_unused": Words(
        ("Ini kode voucher {number}, belum pernah dipakai.", " Terakhir dicoba {at}", " lewat {nas}."),
        ("Masuk dengan kode ini sebagai nama pengguna dan kata sandi.",),
    ),
    "voucher_unsold": Words(
        ("Ini kode voucher {number}, baru berlaku setelah terjual.", " Terakhir dicoba {at}", " lewat {nas}."),
        ("Jual dulu: `netbilld voucher sell` atau di halaman voucher.",),
    ),
    "voucher_void": Words(
        ("Voucher {number} sudah ditarik", " pada {ended}", ": {reason}", "."),
        ("Beri voucher lain, atau kembalikan uangnya: `netbilld voucher refund`.",),
    ),
    "voucher_expired": Words(
        ("Masa berlaku voucher {number} sudah habis", " sejak {ended}", "."), ("Jual voucher baru.",)
    ),
    "voucher_used_up": Words(("Kuota voucher {number} sudah habis", " sejak {ended}", "."), ("Jual voucher baru.",)),
    "voucher_late": Words(
        ("Voucher {number} harus mulai dipakai", " sebelum {ended}", "."),
        ("Undurkan hari terakhirnya: `netbilld voucher extend BATCH --use-by HARI`.",),
    ),
    "terminated": Words(("Layanan ini sudah berhenti sejak {since}.",), ("Buat layanan baru bila ia kembali.",)),
    "suspended": Words(
        ("Layanan diisolir oleh petugas sejak {since}", ": {reason}", "."),
        ("Aktifkan lagi: `netbilld subscriber resume` atau tombol Aktifkan di halaman pelanggan.",),
    ),
    "paused": Words(("Layanan sedang cuti sejak {since}.",), ("Aktifkan lagi bila pelanggan ingin kembali.",)),
    # password
    "password_ok": Words(("Kata sandi benar", " pada login terakhir, {at}", " ({method})", ".")),
    "password_untried": Words(("Belum ada login yang dapat dinilai.",)),
    "password_changed_since": Words(
        ("Login terakhir yang ditolak, {at}, terjadi sebelum akun diubah.",), ("Tunggu login berikutnya.",)
    ),
    "password_unreadable": Words(("Kata sandi tidak terbaca, jadi belum bisa dinilai; lihat NAS.",)),
    "wrong_password": Words(
        ("Kata sandi salah pada {at}", " lewat {nas}", " ({method})", ", dari perangkat {mac}", "."),
        ("Samakan kata sandi di modem dengan di sini: `netbilld subscriber set {username} --password-stdin`.",),
    ),
    "wrong_method_stored": Words(
        (
            "NAS meminta {method}",
            ", tetapi untuk akun ini {missing} tidak tersimpan",
            ". Terakhir {at}",
            " lewat {nas}",
            ".",
        ),
        (
            "Setel ulang kata sandinya: `netbilld subscriber set {username} --password-stdin`; ",
            "atau ganti cara login di NAS.",
        ),
    ),
    "no_password_sent": Words(
        ("Permintaan login {at}", " lewat {nas}", " datang tanpa kata sandi."),
        ("Isi kata sandi di modem, atau daftarkan MAC-nya bila login memang memakai MAC.",),
    ),
    "method_not_supported": Words(
        ("Cara login {method} tidak dapat dipakai untuk akun ini (terakhir {at}).",),
        ("Pilih PAP, CHAP atau MS-CHAPv2 di NAS.",),
    ),
    "malformed_credentials": Words(
        ("Kata sandi yang dikirim {nas} rusak (terakhir {at}).",),
        ("Periksa kunci rahasia RADIUS di NAS itu, lalu versinya.",),
    ),
    "router_login": Words(
        ("Nama ini dipakai untuk masuk ke router {nas} sendiri, bukan ke jaringan ({at}).",),
        ("Pakai akun router, bukan akun pelanggan.",),
    ),
    "too_many_tries": Words(
        ("Terlalu sering salah kata sandi, login diperlambat", ": terakhir {at}", " lewat {nas}", " dari {mac}", "."),
        ("Perbaiki kata sandi di modem dan tunggu beberapa menit; yang benar lalu masuk sendiri.",),
    ),
    "eap_failed": Words(
        ("Login EAP gagal pada {at}", " lewat {nas}", " ({detail})", "."),
        ("Periksa nama, kata sandi, dan cara login di perangkat.",),
    ),
    "certificate_refused": Words(
        ("Sertifikat perangkat tidak diterima pada {at}", " ({detail})", "."),
        ("Terbitkan yang baru dengan `netbilld certs issue`, atau periksa apakah namanya sama dengan nama login.",),
    ),
    "no_common_method": Words(
        ("Perangkat dan netbilld tidak punya cara EAP yang sama ({at}", "; {detail}", ")."),
        ("Pilih PEAP, TTLS, TLS, atau MD5 di perangkat.",),
    ),
    "refused_otherwise": Words(
        ("Login terakhir ditolak {at}: {reason}", " ({detail})", "."), ("Lihat `netbilld auth log`.",)
    ),
    # plan
    "database_away": Words(
        ("Ditolak {at}: basis data tidak terjangkau, dan paket {plan} memilih menolak.",),
        ("Sambungkan lagi modemnya.",),
    ),
    "plan_ok": Words(("Paket {plan} berlaku", " sampai {until}", ".")),
    "expired": Words(
        ("Masa aktif paket {plan} habis", " pada {until}", "; saldo {wallet_minor}, perpanjangan {price_minor}."),
        ("Isi saldo: `netbilld payment add`; perpanjangan lalu berjalan sendiri.",),
    ),
    "outside_hours": Words(
        ("Paket {plan} tidak berlaku pada jam ini", "; buka lagi {opens}", "."),
        ("Tunggu jamnya, atau pindahkan ke paket tanpa batas jam.",),
    ),
    "hours_open_again": Words(("Login terakhir di luar jam paket {plan}; sekarang sudah dalam jamnya.",)),
    # money
    "money_ok": Words(("Tidak ada tunggakan.",)),
    "overdue": Words(
        ("Tagihan {overdue_minor} lewat jatuh tempo", " sejak {due_on}", "."),
        ("Catat pembayarannya: `netbilld payment add`; isolir terbuka sendiri.",),
    ),
    "wallet_empty": Words(("Saldo habis ({wallet_minor}).",), ("Isi saldo: `netbilld payment add`.",)),
    "overdue_private": Words(
        ("Ada tagihan yang lewat jatuh tempo.",), ("Tanyakan ke kasir: akses terbuka setelah dibayar.",)
    ),
    "wallet_empty_private": Words(("Saldo habis.",), ("Minta kasir mengisi saldonya.",)),
    "expired_private": Words(
        ("Masa aktif paket {plan} habis", " pada {until}", "."), ("Minta kasir mengisi saldonya.",)
    ),
    "held_open": Words(
        ("Mestinya ditutup karena pembayaran, bersama terlalu banyak lainnya: ditahan rem sampai ada yang periksa.",)
    ),
    "in_grace": Words(("Tagihan lewat jatuh tempo, masih dalam masa tenggang", " sampai {until}", ".")),
    # quota
    "no_quota": Words(("Paket ini tanpa kuota.",)),
    "quota_ok": Words(("Kuota terpakai {used_octets} dari {limit_octets}.",)),
    "fair_use": Words(
        ("Batas pemakaian wajar tercapai ({used_octets} dari {limit_octets}): kecepatan turun sampai {resets}.",)
    ),
    "quota_used_up": Words(
        ("Kuota habis: {used_octets} dari {limit_octets}; kembali penuh {resets}.",),
        ("Tunggu periode baru, atau pindahkan ke paket yang lebih besar.",),
    ),
    # sessions
    "no_session": Words(("Tidak ada sesi yang terbuka.",)),
    "session_live": Words(("Sedang online di {nas}", " sejak {since}", " ({address})", ".")),
    "session_silent": Words(
        ("Sesi di {nas} belum melapor sejak {heard}.",), ("Tunggu laporan berikutnya; bila tetap diam ia ditutup.",)
    ),
    "session_limit": Words(
        (
            "Batas sesi",
            " ({limit})",
            " tercapai",
            ": sudah online di {nas}",
            ": {detail}",
            " dari {mac}",
            " sejak {since}",
            ".",
        ),
        ("Perangkat itu memakai akun ini.", " Putuskan bila bukan haknya: `netbilld session disconnect {session}`."),
    ),
    "session_limit_ghost": Words(
        (
            "Sesi menggantung di {nas}",
            " dari {mac}",
            " menghabiskan batas sesi",
            " ({limit})",
            "; laporan terakhirnya {heard}",
            ".",
        ),
        ("Tutup sesi itu: `netbilld session disconnect {session}`; lalu sambungkan lagi modemnya.",),
    ),
    "session_limit_free_again": Words(
        ("Ditolak {at} karena batas sesi; sekarang tidak ada sesi lagi.",), ("Sambungkan lagi modemnya.",)
    ),
    # lock
    "no_lock": Words(("Tidak terkunci ke perangkat atau tempat.",)),
    "locks_ok": Words(("Perangkat dan tempatnya cocok.",)),
    "mac_lock": Words(
        ("Terkunci ke MAC lain", " ({allowed})", "; yang mencoba {mac}", ", {at}", "."),
        ("Modem diganti? Lepas kuncinya: `netbilld subscriber set {username} --unlock mac`.",),
    ),
    "vlan_lock": Words(
        ("Terkunci ke VLAN lain", " ({allowed})", ": {detail}", "."),
        ("Periksa jalurnya, atau lepas kunci VLAN: `netbilld subscriber set {username} --unlock vlan`.",),
    ),
    "port_lock": Words(
        ("Terkunci ke port NAS lain", " ({allowed})", ": {detail}", "."),
        ("Periksa portnya, atau lepas kunci port: `netbilld subscriber set {username} --unlock port`.",),
    ),
    "nas_not_allowed": Words(
        ("Tidak boleh masuk lewat NAS {nas}", "; yang boleh: {allowed}", "."),
        ("Izinkan NAS itu, atau lepas kunci NAS: `netbilld subscriber set {username} --unlock nas`.",),
    ),
    "mac_mismatch": Words(
        ("Nama login adalah MAC, tetapi perangkatnya lain", ": {mac}", "."),
        ("Daftarkan MAC perangkat yang dipakai.",),
    ),
    "lock_reset_since": Words(
        ("Ditolak {at} karena kunci; kuncinya sudah dilepas sejak itu.",), ("Sambungkan lagi modemnya.",)
    ),
    # pool
    "no_pool": Words(("Alamat diberikan oleh NAS atau tetap.",)),
    "pool_ok": Words(("Pool {pool}: {used} dari {size} terpakai.",)),
    "pool_full": Words(
        ("Pool alamat", " {pool}", " penuh", " ({used} dari {size})", "; ditolak {at}", "."),
        ("Perbesar pool-nya, atau tutup sesi yang menggantung.",),
    ),
    "pool_unavailable": Words(
        ("Alamat tidak dapat diberikan pada {at}: pool tidak dapat ditanya.",),
        ("Lihat `netbilld doctor`: mungkin basis data tidak terjangkau.",),
    ),
    "pool_free_again": Words(
        ("Ditolak {at} karena pool {pool} penuh; sekarang {used} dari {size} terpakai.",),
        ("Sambungkan lagi modemnya.",),
    ),
    "pool_nearly_full": Words(("Pool {pool} penuh: {used} dari {size}.",), ("Perbesar pool-nya.",)),
    # nas
    "nas_ok": Words(("{nas} terdengar", ", terakhir {at}", ".")),
    "nas_heard_daemon_away": Words(
        ("{nas} terakhir terdengar {at}; netbilld tidak berjalan di sini, jadi paket yang dibuang belum diketahui.",),
        ("Jalankan `netbilld serve`, lalu ulangi.",),
    ),
    "nas_not_known": Words(("Belum diketahui NAS mana yang dipakai.",)),
    "nas_not_known_daemon_away": Words(
        ("Belum diketahui NAS mana yang dipakai; netbilld tidak berjalan di sini.",),
        ("Jalankan `netbilld serve`, lalu ulangi.",),
    ),
    "wrong_nas_secret": Words(
        (
            "Kunci rahasia RADIUS di {nas}",
            " ({source})",
            " berbeda dengan di sini",
            ": {count} paket dibuang",
            ", kata sandi {names} nama tidak terbaca",
            ", terakhir {at}",
            ".",
        ),
        ("Samakan kuncinya: `/radius set secret=…` di router dan `netbilld nas set {nas} --secret-stdin` di sini.",),
    ),
    "message_authenticator_missing": Words(
        (
            "{nas}",
            " ({source})",
            " mengirim login tanpa Message-Authenticator, padahal wajib",
            ": {count} paket dibuang, terakhir {at}",
            ".",
        ),
        (
            "Nyalakan `require-message-auth` di router (RouterOS 7.15 ke atas); ",
            "bila sengaja: `netbilld nas set {nas} --forget-message-authenticator`.",
        ),
    ),
    "nas_address_unknown": Words(
        ("Paket datang dari {source}, yang bukan alamat NAS mana pun", ": {count} paket dibuang, terakhir {at}", "."),
        ("Daftarkan: `netbilld nas add NAMA {source} --secret-stdin`, atau setel `src-address` di router.",),
    ),
    "nas_identifier_unknown": Words(
        (
            "Paket datang dari {source}, alamat beberapa NAS, dengan nama {called} yang bukan nama salah satunya",
            ": {count} paket dibuang, terakhir {at}",
            ".",
        ),
        ("Daftarkan: `netbilld nas add NAMA {source} --identifier …`, atau `nas set` setelah router berganti nama.",),
    ),
    "nas_removed": Words(("NAS {nas} sudah dihapus.",), ("Daftarkan lagi: `netbilld nas add`.",)),
    "nas_never_heard": Words(
        ("{nas} ({source}) belum pernah terdengar.",),
        ("Periksa alamat RADIUS di router, rutenya, dan firewall UDP 1812–1813.",),
    ),
    "nas_silent": Words(
        ("{nas} ({source}) tidak terdengar sejak {at}.",),
        ("Periksa listrik dan jalur NAS itu: ping dari sini, lalu `/radius monitor` di router.",),
    ),
    # link
    "link_online": Words(("Online; laporan terakhir {heard}.",)),
    "link_online_local": Words(
        ("Online dengan akun milik {nas} sendiri, jadi kecepatan dan isolir ikut router; laporan terakhir {heard}.",),
        ("Matikan akun-akun itu: `netbilld import routeros {nas} --disable-local`.",),
    ),
    "link_ok": Words(("Modem menelepon: permintaan terakhir {at}", " lewat {nas}", ".")),
    "just_accepted": Words(("Baru saja diterima ({at}); sesinya belum dilaporkan.",)),
    "link_hidden": Words(("Belum dapat dinilai selama paket dari NAS tidak sampai atau dibuang.",)),
    "not_dialling": Words(
        (
            "Tidak ada permintaan login baru",
            " sejak {at}",
            "; sesi terakhir berakhir {ended}",
            " ({terminate_cause})",
            ".",
        ),
        ("Periksa listrik modem, kabel atau ONU, dan nama login di modem.",),
    ),
    "never_dialled": Words(
        ("Nama ini belum pernah terdengar.",),
        ("Periksa nama login di modem, kabel atau ONU, dan bahwa NAS memakai RADIUS (`/ppp aaa set use-radius=yes`).",),
    ),
    "accepted_without_session": Words(
        ("Diterima {at}", " lewat {nas}", ", tetapi NAS tidak melaporkan sesi."),
        ("Nyalakan accounting di NAS; lihat log router: mungkin ia menolak profil atau pool yang kami kirim.",),
    ),
    "session_short": Words(("Sesi terakhir berakhir {ended}", " ({terminate_cause})", ".")),
    # coa
    "coa_none": Words(("Belum ada perintah ke NAS.",)),
    "coa_ok": Words(("Perintah terakhir ke {nas} ({action}) selesai, {at}.",)),
    "coa_refused": Words(
        ("{nas} menolak {action} pada {at}", " (Error-Cause {error_cause})", ": sesi masih dengan aturan lama."),
        ("Putuskan sesinya: `netbilld session disconnect {session}`; periksa `/radius incoming` di router.",),
    ),
    "coa_unanswered": Words(
        ("{nas} tidak menjawab {action} pada {at}; sudah {attempts} kali dicoba.",),
        ("Periksa `/radius incoming set accept=yes` dan port CoA; lalu `netbilld enforce retry`.",),
    ),
    "coa_failed": Words(
        ("Perintah {action} ke {nas} gagal pada {at}", ": {detail}", "."), ("Lihat `netbilld enforce status`.",)
    ),
    "coa_waiting": Words(("Perintah {action} ke {nas} sedang berjalan", "; dicoba lagi {next}", ".")),
}
