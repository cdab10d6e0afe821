#include "server/certificate.h"

#include "base/log.h"
#include "server/data_directory.h"
#include "server/tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace cpm::server {

namespace {

constexpr long kLifetime = 10L * 365 * 24 * 3600;

template <auto Function>
struct Free {
  template <class T>
  void operator()(T* it) const {
    Function(it);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  for (const char* c = name; *c != '\0'; ++c) {  // it goes into an OpenSSL configuration text
    if (std::isalnum(static_cast<unsigned char>(*c)) == 0 && *c != '-' && *c != '.') return {};
  }
  return name;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key) {
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return false;
  serial[0] &= 0x7f;  // positive
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  const std::string host = host_name();
  if (!host.empty() && host != "localhost") names += ",DNS:" + host;
  const std::string common = host.empty() || host.size() > 64 ? "localhost" : host;
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kLifetime) != nullptr &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, NID_subject_alt_name, names) && X509_sign(certificate, key, EVP_sha256()) != 0;
}

template <class Write>
std::string pem(Write write) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (!memory || write(memory.get()) != 1) return {};
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(length));
}

bool usable(const CertificateFiles& files) {
  if (::access(files.certificate.c_str(), F_OK) != 0 || ::access(files.key.c_str(), F_OK) != 0) return false;
  auto text = read_small_file(files.certificate);
  if (!text) return true;  // it is there, but cannot be read: loading it will say why
  const Memory memory(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  return !certificate || X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
}

}  // namespace

Result<CertificateFiles> self_made_certificate(const std::string& directory) {
  const std::string folder = directory + "/tls";
  CertificateFiles files{folder + "/certificate.pem", folder + "/key.pem"};
  if (usable(files)) return files;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Failure::denied, "cannot make " + folder + ": " + std::strerror(errno));
  }
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate || !fill(certificate.get(), key.get())) {
    return fail(Failure::internal, "cannot make a certificate: " + tls_error_text());
  }
  CPM_CHECK(write_file(files.key, pem([&](BIO* to) {
                         return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                       }),
                       true));
  CPM_CHECK(
      write_file(files.certificate, pem([&](BIO* to) { return PEM_write_bio_X509(to, certificate.get()); }), true));
  ::chmod(files.certificate.c_str(), 0644);
  log::info("tls", "made a certificate; clients have to be told to trust it", {{"file", files.certificate}});
  return files;
}

}  // namespace cpm::server
