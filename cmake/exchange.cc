// Features of other ranks' atoms from their owners, and the transpose: an XLA FFI handler over MPI.
// `adflux build-lammps` compiles it with LAMMPS' MPI; lammps_adflux/parallel/exchange.py explains it.
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

struct Plan {
  MPI_Comm comm;
  int size, owned, rows;
  std::vector<int> send, receive;          // rows for and from each rank
  std::vector<int> send_rows, ghost_rows;  // in the order of the messages
};

std::map<int, Plan> plans;
std::mutex guard;
std::vector<char> outgoing, incoming;

void talk(const Plan &plan, const std::vector<int> &send, const std::vector<int> &receive,
          size_t width) {
  constexpr int tag = 7411;
  // one row is one element, so that counts stay small
  MPI_Datatype row;
  MPI_Type_contiguous(static_cast<int>(width), MPI_BYTE, &row);
  MPI_Type_commit(&row);
  std::vector<MPI_Request> requests;
  requests.reserve(2 * plan.size);
  size_t start = 0;
  for (int rank = 0; rank < plan.size; start += receive[rank++] * width)
    if (receive[rank]) {
      requests.emplace_back();
      MPI_Irecv(incoming.data() + start, receive[rank], row, rank, tag, plan.comm,
                &requests.back());
    }
  start = 0;
  for (int rank = 0; rank < plan.size; start += send[rank++] * width)
    if (send[rank]) {
      requests.emplace_back();
      MPI_Isend(outgoing.data() + start, send[rank], row, rank, tag, plan.comm, &requests.back());
    }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  MPI_Type_free(&row);
}

void take(const std::vector<int> &rows, const char *values, size_t width) {
  outgoing.resize(rows.size() * width);
  for (size_t k = 0; k < rows.size(); k++)
    std::memcpy(&outgoing[k * width], values + rows[k] * width, width);
}

template <typename T>
void add(const std::vector<int> &rows, char *values, size_t count) {
  const T *in = reinterpret_cast<const T *>(incoming.data());
  T *out = reinterpret_cast<T *>(values);
  for (int row : rows)
    for (size_t k = 0; k < count; k++) out[row * count + k] += *in++;
}

ffi::Error exchange(ffi::Token, ffi::Buffer<ffi::S32> handle, ffi::AnyBuffer values,
                    ffi::Result<ffi::Token>, ffi::Result<ffi::AnyBuffer> result,
                    int32_t transposed) {
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = plans.find(handle.typed_data()[0]);
  if (found == plans.end()) return ffi::Error::Internal("adflux_exchange: no such plan");
  const Plan &plan = found->second;
  const auto shape = values.dimensions();
  if (shape.size() == 0 || shape[0] < plan.rows)
    return ffi::Error::Internal("adflux_exchange: fewer rows than atoms");
  size_t count = 1;
  for (size_t d = 1; d < shape.size(); d++) count *= shape[d];
  const size_t width = count * ffi::ByteWidth(values.element_type());
  const char *in = static_cast<const char *>(values.untyped_data());
  char *out = static_cast<char *>(result->untyped_data());
  if (in != out) std::memcpy(out, in, shape[0] * width);
  if (width == 0) return ffi::Error::Success();
  if (!transposed) {
    take(plan.send_rows, in, width);
    incoming.resize(plan.ghost_rows.size() * width);
    talk(plan, plan.send, plan.receive, width);
    for (size_t k = 0; k < plan.ghost_rows.size(); k++)
      std::memcpy(out + plan.ghost_rows[k] * width, &incoming[k * width], width);
    return ffi::Error::Success();
  }
  const auto type = values.element_type();
  if (type != ffi::F64 && type != ffi::F32)
    return ffi::Error::Internal("adflux_exchange: sums are of float32 or float64 only");
  take(plan.ghost_rows, in, width);
  incoming.resize(plan.send_rows.size() * width);
  talk(plan, plan.receive, plan.send, width);
  std::memset(out + plan.owned * width, 0, (plan.rows - plan.owned) * width);
  if (type == ffi::F64)
    add<double>(plan.send_rows, out, count);
  else
    add<float>(plan.send_rows, out, count);
  return ffi::Error::Success();
}

}  // namespace

extern "C" {

// the MPI that this library calls, which must be the one of LAMMPS and mpi4py
const char *adflux_mpi() {
  static char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
  return version;
}

void adflux_publish(int handle, int comm, int size, int owned, int rows, const int *send,
                    const int *receive, const int *send_rows, const int *ghost_rows) {
  Plan plan{MPI_Comm_f2c(comm), size, owned, rows, {}, {}, {}, {}};
  plan.send.assign(send, send + size);
  plan.receive.assign(receive, receive + size);
  size_t sent = 0, received = 0;
  for (int rank = 0; rank < size; rank++) sent += send[rank], received += receive[rank];
  plan.send_rows.assign(send_rows, send_rows + sent);
  plan.ghost_rows.assign(ghost_rows, ghost_rows + received);
  const std::lock_guard<std::mutex> lock(guard);
  plans[handle] = std::move(plan);
}

void adflux_forget(int handle) {
  const std::lock_guard<std::mutex> lock(guard);
  plans.erase(handle);
}
}

XLA_FFI_DEFINE_HANDLER_SYMBOL(adflux_exchange, exchange,
                              ffi::Ffi::Bind()
                                  .Arg<ffi::Token>()
                                  .Arg<ffi::Buffer<ffi::S32>>()
                                  .Arg<ffi::AnyBuffer>()
                                  .Ret<ffi::Token>()
                                  .Ret<ffi::AnyBuffer>()
                                  .Attr<int32_t>("transposed"));
