#!/bin/bash
# The OpenSSH server that scripts/bench compares with: on a port of its own, for a user without profiles.
#
#   peer_sshd.sh start DIR USER PORT [ADDRESS]    makes USER where it does not exist; all files go to DIR; on 127.0.0.1;
#                                                 PORT may be several in one word, the aliases below lead to the first
#   peer_sshd.sh stop DIR                         ends what start began; removes USER where start made it
#
# As root. DIR must be one that USER can enter. Afterwards `ssh -F DIR/ssh.conf cold` connects anew each time, and
# `ssh -F DIR/ssh.conf warm` goes over a master connection, which the first such call opens. Both are to be run by USER.
set -eu

fail() {
  echo "peer_sshd.sh: $1" >&2
  exit 1
}

# An empty home and a plain shell, so that no profile is measured along. The password is unusable but the account is
# not locked: sshd refuses locked ones.
make_user() {
  if id "$user" >/dev/null 2>&1; then return; fi
  useradd --system --no-create-home --home-dir "$dir/home" --shell /bin/sh "$user"
  usermod --password '*' "$user"
  echo "$user" >"$dir/made_user"
}

make_keys() {
  ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/user_key"
  install -m 644 "$dir/user_key.pub" "$dir/authorized_keys"
  chown "$user" "$dir/user_key"
}

# The limits are far above what the widest row opens at once, so that none of them shapes a result.
write_server_configuration() {
  cat >"$dir/sshd.conf" <<CONFIGURATION
ListenAddress $address
HostKey $dir/host_key
AuthorizedKeysFile $dir/authorized_keys
PidFile $dir/sshd.pid
Subsystem sftp internal-sftp
UsePAM no
StrictModes no
MaxStartups 1000
MaxSessions 1000
CONFIGURATION
  printf 'Port %s\n' $ports >>"$dir/sshd.conf"
}

write_client_alias() {
  cat <<CONFIGURATION
Host $1
  HostName $address
  Port ${ports%% *}
  User $user
  IdentityFile $dir/user_key
  IdentitiesOnly yes
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  LogLevel ERROR
CONFIGURATION
}

write_client_configuration() {
  write_client_alias cold
  write_client_alias warm
  cat <<CONFIGURATION
  ControlMaster auto
  ControlPath $dir/home/master
  ControlPersist yes
CONFIGURATION
}

start() {
  dir=$1 user=$2 ports=$3 address=$4
  [ -x /usr/sbin/sshd ] || fail "there is no /usr/sbin/sshd: scripts/packages --bench installs it"
  make_user
  mkdir -p "$dir/home" /run/sshd
  chmod 755 "$dir"
  chown "$user" "$dir/home"
  make_keys
  write_server_configuration
  write_client_configuration >"$dir/ssh.conf"
  /usr/sbin/sshd -f "$dir/sshd.conf" -E "$dir/sshd.log"
  for _ in $(seq 50); do
    [ -s "$dir/sshd.pid" ] && return
    sleep 0.1
  done
  fail "sshd did not start: $(cat "$dir/sshd.log")"
}

# Each session is a process group of its own. It would outlive the server, and for long when its client went without a word.
end_sessions() {
  for session in $1; do
    kill -- "-$session" 2>/dev/null || true
  done
}

# sshd removes its file when it ends.
stop_sshd() {
  [ -s "$dir/sshd.pid" ] || return 0
  pid=$(cat "$dir/sshd.pid")
  sessions=$(ps -o pid= --ppid "$pid") || true
  kill "$pid"
  end_sessions "$sessions"
  for _ in $(seq 50); do
    [ -f "$dir/sshd.pid" ] || return 0
    sleep 0.1
  done
  fail "sshd does not end"
}

# userdel refuses while a process of the user is still on its way out.
remove_user() {
  for _ in $(seq 50); do
    userdel "$1" 2>/dev/null && return
    sleep 0.1
  done
  fail "could not remove the user $1"
}

stop() {
  dir=$1
  ssh -F "$dir/ssh.conf" -O exit warm 2>/dev/null || true
  stop_sshd
  if [ -f "$dir/made_user" ]; then remove_user "$(cat "$dir/made_user")"; fi
}

case "${1:-} $#" in
"start 4" | "start 5") start "$2" "$3" "$4" "${5:-127.0.0.1}" ;;
"stop 2") stop "$2" ;;
*)
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
