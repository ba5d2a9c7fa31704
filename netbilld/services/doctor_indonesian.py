"""What the examination of a NAS says in Indonesian, by cause; netbilld.services.doctor_words puts the figures in."""

from typing import Final

INDONESIAN: Final[dict[str, str]] = {
    "daemon_away": "Daemon tidak berjalan di sini, jadi apa yang dikirim NAS tidak terdengar.",
    "api_needed": "Tidak dapat diketahui tanpa API-nya.",
    "api_not_spoken": "Tidak dapat diketahui: netbilld tidak membaca API {vendor}.",
    "api_refuses": "Tidak dapat diketahui: pengguna API-nya tidak boleh membacanya.",
    # source address
    "source_address_ok": "Paketnya datang dari {network}, sebagaimana mestinya; terdengar {at}.",
    "source_address_wrong": (
        "Paketnya datang dari {source} dan tidak dijawab, karena ia dikenal dengan {network} "
        "({count} paket, terakhir {at})."
    ),
    "source_address_stranger": (
        "Tidak ada yang datang dari {network}, tetapi ada paket tak dikenal dari {source} ({count}, terakhir {at}): "
        "kemungkinan miliknya."
    ),
    "source_address_set": "Ia disetel mengirim dari {source}, padahal dikenal dengan {network}.",
    "identifier_unknown": (
        "Router di {network} dibedakan dengan NAS-Identifier, dan satu menyebut {identifier!r} yang bukan milik NAS "
        "mana pun; yang ini {told_by!r} ({count} paket)."
    ),
    "never_heard": "Belum pernah terdengar apa pun dari {network}.",
    "silent": "Tidak terdengar sejak {at}, padahal {sessions} sesi terbuka di sana.",
    "quiet": "Tidak terdengar sejak {at}; tidak ada sesi terbuka yang perlu dilaporkannya.",
    # secret
    "secret_ok": "Kunci rahasia sama di kedua sisi.",
    "secret_ok_accounting": "Kunci rahasia sama di kedua sisi: accounting ditandatangani dengannya {at}.",
    "secret_wrong": "Ia memakai kunci rahasia lain: {count} paket ditolak, terakhir {at}.",
    "secret_of_some": "Ada router di {source} yang memakai kunci rahasia lain: {count} paket ditolak, terakhir {at}.",
    "secret_differs": "Kunci rahasia di /radius-nya berbeda dengan di sini.",
    "secret_unreadable": (
        "Kata sandi {names} pengguna berbeda tidak terbaca dan tidak satu pun benar: kunci rahasianya berbeda."
    ),
    "secret_untold": "Belum ada yang bertanda tangan, jadi benar tidaknya kunci rahasia belum dapat diketahui.",
    # Message-Authenticator
    "signature_ok": "Permintaannya ditandatangani dengan Message-Authenticator, terlihat sejak {since}.",
    "signature_missing": "Permintaannya tanpa Message-Authenticator; {count} ditolak, terakhir {at}.",
    "signature_off": "Message-Authenticator dimatikan di /radius-nya.",
    "signature_never": "Permintaannya belum pernah memakai Message-Authenticator (CVE-2024-3596); versi {version}.",
    "signature_untold": "Belum ada login, jadi tanda tangannya belum dapat diketahui.",
    # RADIUS on the router
    "radius_ok": "Ia bertanya ke RADIUS di {server}.",
    "radius_elsewhere": "Tidak ada /radius-nya yang menuju {server}, namun ia terdengar: lewat proxy atau NAT.",
    "radius_no_entry": "Tidak ada /radius-nya yang menuju {server}.",
    "radius_ports": "Ia mengirim ke port UDP {auth_port} dan {acct_port}, yang tidak didengarkan siapa pun.",
    "radius_unused": "PPP tidak bertanya ke RADIUS, hotspot pun tidak.",
    # clock
    "clock_ok": "Jamnya benar.",
    "clock_off": "Jamnya {way} {off}.",
    "clock_alone": "Jamnya benar, tetapi tidak mengikuti server waktu.",
    "clock_untold": "Jamnya tidak dapat diketahui: ia tidak menyebut waktu, atau waktunya benar.",
    # interim
    "interim_ok": "Sesi melapor tiap {asked} detik sesuai permintaan ({sessions} dilihat).",
    "interim_missing": "{silent} dari {sessions} sesi tidak melapor, padahal diminta tiap {asked} detik.",
    "interim_late": "{slow} dari {sessions} sesi melapor tiap {interval} detik, bukan tiap {asked} detik.",
    "interim_some": "{silent} dari {sessions} sesi terlambat melapor atau tidak melapor.",
    "interim_untold": "Belum ada sesi yang cukup lama untuk mengetahui apakah ia melapor tiap {asked} detik.",
    "accounting_off": "Accounting PPP dimatikan di sana.",
    # direction
    "direction_ok": "Pelanggan lebih banyak mengunduh daripada mengunggah, seperti biasanya ({sessions} sesi dilihat).",
    "counters_swapped": "{reversed} dari {sessions} sesi jauh lebih banyak mengunggah: penghitungnya tertukar.",
    "direction_untold": "Pemakaian masih terlalu sedikit untuk membedakan unggah dan unduh.",
    # orders
    "orders_ok": "Ia menerima perintah di port UDP {port}, dan kunci rahasianya benar.",
    "orders_none": "{vendor} tidak menerima perintah: perubahan berlaku pada login berikutnya.",
    "orders_believes_all": "Ia mengiyakan pemutusan sesi yang tidak ada: jawabannya tidak membuktikan apa pun.",
    "orders_secret": "Ia tidak percaya perintah kita di port UDP {port}: kunci rahasianya berbeda.",
    "orders_sender": "Ia tidak percaya perintah kita: tidak ada /radius-nya untuk {server}.",
    "orders_off": "Ia tidak menerima perintah: RADIUS incoming dimatikan.",
    "orders_port": "Ia menerima perintah di port UDP {theirs}, sedangkan kita mengirim ke {port}.",
    "orders_closed": "Tidak ada yang mendengarkan di port UDP {port}, jadi ia tidak menerima perintah.",
    "orders_filtered": "Perintah ke port UDP {port} tidak sampai: terhalang firewall.",
    "orders_silent": (
        "Ia tidak menjawab perintah di port UDP {port}: tertutup, kunci rahasia lain, atau alamat kita tak dikenalnya; "
        "API-nya dapat memastikan."
    ),
    "orders_not_sent": "Tidak dicoba: {detail}.",
    "orders_radsec": "Tidak dicoba: perintahnya lewat RadSec.",
    "orders_no_address": "Tidak dicoba: ia dikenal dengan jaringan, dan belum ada router yang terdengar.",
    "orders_shared_port": "NAS lain punya alamat dan port CoA {port} yang sama: perintah bisa sampai ke sana.",
    # API and SNMP
    "api_ok": "RouterOS {version} menjawab.",
    "api_not_set": "Alamat API belum diisi, jadi banyak hal tidak dapat diketahui.",
    "api_other": "Jenis alamat API-nya tidak dikenal: yang dipakai api:// dan api-ssl://.",
    "api_trouble": "Tidak dapat ditanya: {trouble}.",
    "rights_ok": "Penggunanya {user} punya hak yang diperlukan (grup {group}).",
    "rights_missing": "Penggunanya {user} (grup {group}) tidak punya hak {missing}.",
    "rights_refused": "Penggunanya {user} tidak boleh membaca {menus}.",
    "rights_untold": "Hak penggunanya {user} tidak dapat diketahui.",
    "snmp_ok": "Ia menjawab.",
    "snmp_not_set": "SNMP belum diisi, jadi keadaan router tidak dapat diketahui.",
    "snmp_silent": "Tidak dapat dibaca: {trouble}.",
    # walls
    "pool_ok": "Pool yang disebut ada di sana: {pools}.",
    "pool_none": "Tidak ada pool miliknya yang disebut.",
    "pool_missing": "Pool yang disebut saat login tidak ada di sana: {pools}. Yang memakainya tidak mendapat alamat.",
    "list_ok": "Firewall-nya menahan yang ada di daftar {list}.",
    "list_none": "Tidak ada yang diisolir dengan daftar di sini.",
    "list_unused": "Tidak ada aturan firewall untuk daftar {list}: yang diisolir tidak tertahan.",
    "list_no_redirect": "Yang ada di daftar {list} tertahan, tetapi tidak diarahkan ke portal.",
    "fasttrack_off": "Fasttrack mati.",
    "fasttrack_excepted": "Fasttrack hidup, dan pelanggan dikecualikan.",
    "fasttrack_on": "Fasttrack hidup: yang lewat di sana menembus batas kecepatan dan isolir.",
    "fasttrack_narrowed": "Aturan fasttrack dibatasi oleh {by}; apakah pelanggan termasuk tidak dapat diketahui.",
    "masquerade_none": "Tidak ada yang menyembunyikan alamat pelanggan.",
    "masquerade_unneeded": "Pelanggan tersembunyi di balik alamatnya; di sini tidak ada yang dikenali dari alamat.",
    "masquerade_excepted": "Portal dikecualikan dari masquerade.",
    "masquerade_hides": "Masquerade menyembunyikan alamat pelanggan dari portal, sehingga tidak ada yang dikenali.",
}
