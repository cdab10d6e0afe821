#include "server/data_directory.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace cpm::server {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSmall = 1 << 20;

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

}  // namespace

Result<std::string> prepare_data_directory(const std::string& path, const User& user) {
  std::error_code error;
  const std::string directory = fs::absolute(path, error).lexically_normal().string();
  struct stat facts {};
  if (::stat(directory.c_str(), &facts) != 0) {
    const fs::path parent = fs::path(directory).parent_path();
    fs::create_directories(parent, error);
    if (::mkdir(directory.c_str(), 0700) != 0) {
      const std::string why = std::strerror(errno);
      return fail(Failure::denied, "cannot make the data directory " + directory + ": " + why +
                                       "\nChoose another with --data DIR, or make it for user " + user.name);
    }
    if (::geteuid() == 0 && ::chown(directory.c_str(), user.uid, user.gid) != 0) {
      return fail(Failure::denied, "cannot give " + directory + " to user " + user.name + ": " + std::strerror(errno));
    }
    return directory;
  }
  if (!S_ISDIR(facts.st_mode))
    return fail(Failure::invalid, directory + " is not a directory\nChoose another with --data DIR");
  if (facts.st_uid == user.uid) return directory;
  if (::geteuid() == 0 && fs::is_empty(directory, error) && !error) {
    if (::chown(directory.c_str(), user.uid, user.gid) == 0 && ::chmod(directory.c_str(), 0700) == 0) return directory;
  }
  return fail(Failure::denied, "the data directory " + directory + " belongs to user " + user_name(facts.st_uid) +
                                   ", but the server runs as " + user.name + "\nGive it over (chown -R " + user.name +
                                   " " + directory + ") or set database.run_as");
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory, const User& user) {
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    const std::string why = std::strerror(errno);
    return fail(Failure::denied, "user " + user.name + " cannot use " + directory + ": " + why +
                                     "\nChoose a data directory that this user can reach, as --data /var/lib/cpmstore");
  }
  const std::string path = directory + "/cpmstored.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Failure::denied, "cannot open " + path + ": " + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = std::strerror(errno);
    char holder[32] = {};
    const ssize_t n = ::pread(fd, holder, sizeof holder - 1, 0);
    ::close(fd);
    if (!held) return fail(Failure::unavailable, "cannot lock " + path + ": " + why);
    const std::string who(holder, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return fail(Failure::in_use,
                "another cpmstored" + (who.empty() ? "" : " (process " + who.substr(0, who.find('\n')) + ")") +
                    " uses " + directory + "\nStop it first, or choose another directory with --data DIR");
  }
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) {
    const std::string why = std::strerror(errno);
    ::close(fd);
    return fail(Failure::unavailable, "cannot write " + path + ": " + why);
  }
  return DirectoryLock(fd);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> write_file(const std::string& path, std::string_view text, bool durable) {
  const std::string temporary = path + ".tmp";
  const auto failed = [&] {
    const std::string why = std::strerror(errno);
    return fail(Failure::unavailable, "cannot write " + path + ": " + why);
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    good = n > 0 || errno == EINTR;
  }
  if (good && durable) good = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!good || ::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return {};
}

Result<std::string> read_small_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(errno == ENOENT ? Failure::not_found : Failure::denied,
                "cannot read " + path + ": " + std::strerror(errno));
  }
  std::string text(kSmall, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string random_token() {
  unsigned char octets[32];
  if (RAND_bytes(octets, sizeof octets) != 1) throw std::runtime_error("no random numbers");
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char octet : octets) {
    text += kHex[octet >> 4];
    text += kHex[octet & 15];
  }
  return text;
}

}  // namespace cpm::server
