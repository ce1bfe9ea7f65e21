#!/bin/sh
# An authority of your own and the broker's certificate, for the names and addresses by which it is reached:
#
#     deploy/certificates.sh /srv/soilco2/tls broker.example.org 192.0.2.7
#
# ca.crt goes to every node and collector (ca_file), server.crt and server.key to the broker. ca.key signs further
# certificates: keep it off the station. What is there is kept; remove server.crt for a new one.
set -eu
umask 077

if [ "$#" -lt 2 ]; then
    echo "usage: $0 FOLDER NAME_OR_ADDRESS…" >&2
    exit 2
fi
folder=$1
shift
mkdir -p "$folder"
cd "$folder"

names="DNS:localhost,DNS:mosquitto,IP:127.0.0.1"
for name in "$@"; do
    case $name in
    *[!A-Za-z0-9.:-]*)
        echo "$name is no name or address of a machine" >&2
        exit 2
        ;;
    *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) names="$names,IP:$name" ;;
    *) names="$names,DNS:$name" ;;
    esac
done

if [ ! -f ca.crt ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/CN=soilco2 authority" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout ca.key -out ca.crt 2>/dev/null
    chmod 644 ca.crt
fi
if [ ! -f server.crt ]; then
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -subj "/CN=$1" -keyout server.key -out server.csr 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$names" >server.ext
    openssl x509 -req -sha256 -days 825 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
        -extfile server.ext -out server.crt 2>/dev/null
    rm -f server.csr server.ext
    chmod 644 server.crt
fi
echo "$folder: ca.crt, server.crt for $names"
